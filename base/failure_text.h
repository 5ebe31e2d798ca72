#pragma once

#include <exception>
#include <string>

namespace gradus {

/// What went wrong, for people: an exception's message without the call stack that LibTorch puts
/// behind it. Memory that ran out, on the machine or on a device, is one sentence with what to do,
/// whoever noticed it.
std::string failure_text(const std::exception& error);

/// Whether the exception tells of memory that ran out.
bool is_out_of_memory(const std::exception& error);

}  // namespace gradus
