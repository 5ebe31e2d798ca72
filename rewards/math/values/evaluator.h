#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rewards/math/reading/syntax.h"
#include "rewards/math/values/ball.h"
#include "rewards/math/values/polynomial.h"

namespace gradus::rewards::math {

inline constexpr int kNumPoints = 13;

/// Values of symbols: those given, and of all others a fixed rational number of their name.
struct Assignment {
  int point = 0;  // below kNumPoints: which of the fixed values
  std::vector<std::pair<std::string, Ball>> given;
};

/// Evaluates expressions in ball arithmetic at one precision.
class Evaluator {
 public:
  Evaluator(const Tree& tree, const Assignment& assignment, slong precision, Work& work)
      : tree_(tree), assignment_(assignment), precision_(precision), work_(work) {}

  /// False: not an expression, undefined, too large to be evaluated, or past the work limit.
  bool evaluate(int32_t id, Ball& result);

 private:
  bool evaluate_constant(const std::string& name, Ball& result) const;
  bool evaluate_sum(const Node& node, Ball& result);
  bool evaluate_product(const Node& node, Ball& result);
  bool evaluate_quotient(const Node& node, Ball& result);
  bool evaluate_degrees(const Node& node, Ball& result);
  bool evaluate_power_of(const Node& node, Ball& result);
  bool evaluate_root_of(const Node& node, Ball& result);
  bool evaluate_call(const Node& node, Ball& result);
  bool evaluate_function(const std::string& name, std::vector<Ball>& arguments, Ball& result);
  bool evaluate_real_function(const std::string& name, std::vector<Ball>& arguments,
                              Ball& result) const;
  bool evaluate_logarithm(std::vector<Ball>& arguments, Ball& result) const;
  bool evaluate_binomial(std::vector<Ball>& arguments, Ball& result) const;
  bool evaluate_unknown_function(const std::string& name, std::vector<Ball>& arguments,
                                 Ball& result) const;
  static bool is_negative(const Ball& value);
  std::optional<Rational> odd_root(int32_t exponent) const;
  bool evaluate_power(Ball& base, Ball& exponent, Ball& result) const;
  bool evaluate_root(Ball& radicand, int64_t index, Ball& result) const;
  bool evaluate_factorial(Ball& argument, Ball& result) const;
  void symbol(const std::string& name, Ball& result) const;

  const Tree& tree_;
  const Assignment& assignment_;
  slong precision_;
  Work& work_;
  bool in_trigonometry_ = false;
};

}  // namespace gradus::rewards::math
