#pragma once

#include <vector>

#include "rewards/math/reading/syntax.h"
#include "rewards/math/values/polynomial.h"

namespace gradus::rewards::math {

/// A number to ask about: a constant expression of the tree, or a rational between two of those.
struct SetPoint {
  int32_t id = -1;  // -1: value alone
  Rational value;   // exact without id, else close to the expression
};

/// The numbers at which sets of reals may begin, end or have an element.
class SetPoints {
 public:
  SetPoints(Tree& tree, Work& work) : tree_(tree), work_(work) {}

  /// Ends of intervals, elements, roots and constants of inequalities.
  void collect(int32_t id);

  bool are_too_many() const { return points_.size() > kMaxPoints; }
  bool has_naturals() const { return has_naturals_; }

  /// Those numbers, numbers between them and beyond; integers too where sets of integers are met.
  std::vector<SetPoint> asked();

 private:
  static constexpr size_t kMaxPoints = 64;

  void add(int32_t id);
  void add_both_signs(int32_t id);
  void collect_constants(int32_t id);
  void collect_roots(int32_t left, int32_t right);

  Tree& tree_;
  Work& work_;
  std::vector<SetPoint> points_;
  bool has_integers_ = false;
  bool has_naturals_ = false;
};

/// Plus or minus infinity.
bool is_infinite(const Tree& tree, int32_t id);

/// A new node of the tree.
int32_t number_node(Tree& tree, const Rational& value);

}  // namespace gradus::rewards::math
