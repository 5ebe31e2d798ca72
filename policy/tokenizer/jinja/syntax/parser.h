#pragma once

#include <string_view>

#include "policy/tokenizer/jinja/syntax/ast.h"

namespace gradus::policy::jinja {

/// Reads a template. Everything the evaluator cannot do is refused here, by name, with line and
/// column: statements, filters, tests, methods and functions that are unknown, and expressions
/// nested past any sensible depth.
/// @throws gradus::Error
Statement::Body parse_template(std::string_view source);

}  // namespace gradus::policy::jinja
