#pragma once

#include "policy/tokenizer/jinja/builtins.h"

/// Python's methods of strings that look for a text in another or cut it up. All are linear in
/// their texts and pay for the parts that they make.
namespace gradus::policy::jinja::string_cuts {

Value split(const std::string& text, const Arguments& args, const Context& context);
Value rsplit(const std::string& text, const Arguments& args, const Context& context);
Value splitlines(const std::string& text, const Arguments& args, const Context& context);
Value partition(const std::string& text, const Arguments& args, const Context& context);
Value rpartition(const std::string& text, const Arguments& args, const Context& context);
Value find(const std::string& text, const Arguments& args, const Context& context);
Value rfind(const std::string& text, const Arguments& args, const Context& context);
Value index(const std::string& text, const Arguments& args, const Context& context);
Value rindex(const std::string& text, const Arguments& args, const Context& context);
Value count(const std::string& text, const Arguments& args, const Context& context);
Value startswith(const std::string& text, const Arguments& args, const Context& context);
Value endswith(const std::string& text, const Arguments& args, const Context& context);

}  // namespace gradus::policy::jinja::string_cuts
