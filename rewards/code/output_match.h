#pragma once

#include <string>
#include <string_view>

namespace gradus::rewards::code {

/// Why a program's output is not the expected one; empty: it is.
///
/// Both are cut into tokens at white space. There must be as many tokens, and each pair must be the
/// same bytes or, where both are decimal numbers and one of them has a point or an exponent, within
///
///   |a - b| <= tolerance * max(1, |b|)
///
/// Integers are compared by their digits, whatever their size. Output that stops early or goes on
/// is wrong. `true` and `True` differ; use tolerance 0 for exact text.
std::string output_difference(std::string_view output, std::string_view expected, double tolerance);

}  // namespace gradus::rewards::code
