#pragma once

#include "rewards/math/reading/syntax.h"

namespace gradus::rewards::math {

/// 1, 2, \dots, 10 and 1, 3, \dots, 19 in a list or set: with the numbers that the dots stand for,
/// where they step evenly to a last one and are at most 1,000.
void expand_dots(Tree& tree, int32_t id);

/// V(r, 0) and P(X = 2) beside a relation's sign are values of V and P, no products. u(x, t), whose
/// arguments are all names, stays as it is read.
void apply_names(Tree& tree, int32_t relation);

/// [[1, 2], [3, 4]] as the matrix of these rows; -1 for other nodes.
int32_t matrix_of_rows(Tree& tree, int32_t id);

/// Products whose order counts ("cross", "product") become plain ones where one side alone marks
/// them, and those of plain letters ("cross?") what the other side says.
void match_products(Tree& tree, int32_t gold, int32_t answer);

/// C(5, 2) beside a number counts ways, and is no point: binomials for points named C.
void count_ways(Tree& tree, int32_t id, int32_t other);

/// A copy in which a symbol is a number.
int32_t with_value(Tree& tree, int32_t id, const std::string& symbol, const Rational& value);

}  // namespace gradus::rewards::math
