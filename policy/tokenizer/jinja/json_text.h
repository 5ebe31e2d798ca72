#pragma once

#include <optional>
#include <string>

#include "policy/tokenizer/jinja/value.h"

namespace gradus::policy::jinja {

struct JsonStyle {
  std::optional<std::string> indent;  ///< of one level; absent: all on one line
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

/// Python's json.dumps. @throws gradus::Error  the value has no form in JSON.
std::string to_json(const Value& value, const JsonStyle& style, Meter& meter);

}  // namespace gradus::policy::jinja
