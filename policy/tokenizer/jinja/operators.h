#pragma once

#include <string>

#include "policy/tokenizer/jinja/builtins.h"

namespace gradus::policy::jinja {

/// `left op right` for + - ~ * / // % **, as in Python: // and % round down.
/// @throws gradus::Error  the types do not fit, a division by zero, an integer past 64 bits.
Value apply_operator(const std::string& op, const Value& left, const Value& right,
                     const Context& context);

/// `left op right` for == != < <= > >= in and "not in".
/// @throws gradus::Error  the types have no order.
bool apply_comparison(const std::string& op, const Value& left, const Value& right,
                      const Context& context);

/// +value, or -value. @throws gradus::Error  it is no number.
Value signed_number(const Value& value, bool negative);

}  // namespace gradus::policy::jinja
