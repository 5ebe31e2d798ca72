#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rewards/math/values/rational.h"

namespace gradus::rewards::math {

/// What a node of a parsed answer is. `kids` are indices of nodes in the tree.
enum class NodeKind : uint8_t {
  number,       // value; is_decimal: written with a decimal point or an exponent
  symbol,       // name: "x", "x_1", "f'"
  constant,     // name: "pi", "e", "i", "oo", "R", "N", "Z", "Q", "C", "{}" (the empty set)
  text,         // name: words that are no mathematics
  based,        // name: digits, value: the base ("52_8")
  add,          // kids, two or more
  multiply,     // kids, two or more; name: the word, if letters ran together
  divide,       // kids: numerator, denominator
  power,        // kids: base, exponent
  root,         // kids: radicand, index
  negate,       // kids: one
  plus_minus,   // kids: left, right; value: 1 for +-, -1 for -+
  call,         // name: a known function or "f"; kids: arguments
  factorial,    // kids: one; value: 1, or 2 for !!
  percent,      // kids: one
  degrees,      // kids: one
  sum,          // kids: body, variable, from, to; name: "sum" or "prod"
  integral,     // kids: body, variable, from, to (or none of the last two)
  modulo,       // kids: dividend, divisor
  ratio,        // kids, two or more: 3:4
  quantity,     // kids: one; name: the unit as written, "am" or "pm"; "mod": kids: two
  list,         // kids; name: what joins them: "," ";" "and" "or"
  group,        // kids; name: the two brackets, such as "[)"
  set,          // kids, finite set in braces
  set_builder,  // kids: what, condition
  matrix,       // kids row by row; value: number of columns; name: "" or "det"
  relation,     // kids: sides; name: one character a relation between: = < > l g n ~
  element_of,   // kids: what, set
  set_union,    // kids: two
  set_intersection,
  set_minus,
  ellipsis,
};

struct Node {
  NodeKind kind = NodeKind::number;
  bool is_decimal = false;
  int32_t depth = 1;          // nodes on the longest way down
  bool is_bracketed = false;  // stood in brackets, which ended the reach of what is before it
  std::string name;
  Rational value;
  std::vector<int32_t> kids;
};

/// Nodes refer to each other by index; the root is the last that was made.
struct Tree {
  std::vector<Node> nodes;
  int32_t root = -1;

  const Node& at(int32_t id) const { return nodes[static_cast<size_t>(id)]; }
  Node& at(int32_t id) { return nodes[static_cast<size_t>(id)]; }
  int32_t add(Node node) {
    nodes.push_back(std::move(node));
    return static_cast<int32_t>(nodes.size()) - 1;
  }
};

}  // namespace gradus::rewards::math
