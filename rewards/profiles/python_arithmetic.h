#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <optional>
#include <variant>

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {

/// A Python number: int or float.
using PythonNumber = std::variant<boost::multiprecision::cpp_int, double>;

/// The value that Python's eval gives an expression of numbers, `+ - * / // **`, signs and
/// brackets, with Python's precedence, its exact ints and its floats. Nothing is ever run: the
/// text is parsed here.
///
/// nullopt: Python raises (syntax, division by zero, overflow), gives something else than a real
/// number (a tuple, a complex number), or would work longer than we do: integers past 4,096 bits
/// and texts past 4,000 characters have no value.
std::optional<PythonNumber> evaluate_python_arithmetic(TextView text);

}  // namespace gradus::rewards::profiles
