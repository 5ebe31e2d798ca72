#pragma once

#include <optional>

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {

/// hendrycks/math `_strip_string`: the form in which two answers are compared as strings.
/// nullopt: the program raises an exception (a `\frac` or `\sqrt` at the end, two `\text{ `).
std::optional<Text> hendrycks_normalized(TextView answer);

/// hendrycks/math `is_equiv`: equal forms; when either raises, equal as written.
bool hendrycks_equal(TextView left, TextView right);

}  // namespace gradus::rewards::profiles
