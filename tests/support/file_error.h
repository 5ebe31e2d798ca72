#pragma once

#include <string>

#include "base/error.h"
#include "tests/catch.h"

namespace gradus::tests {

/// The kind of the FileError that `action` throws; "none" when it throws nothing.
template <class Action>
std::string file_error_kind(Action&& action) {
  try {
    action();
  } catch (const FileError& error) {
    INFO(error.what());
    return error.kind();
  }
  return "none";
}

}  // namespace gradus::tests
