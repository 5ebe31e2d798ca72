#pragma once

#include <ctime>
#include <functional>
#include <string>
#include <string_view>

#include "rewards/math/math_grader.h"

namespace gradus::rewards {

/// Whether the grader of mathematics takes a bare answer for the gold.
inline bool answers_equal(const std::string& gold, std::string_view answer) {
  math::MathOptions options;
  options.is_answer_bare = true;
  return math::grade_math(gold, answer, options).is_right();
}

/// Processor time: a busy machine must not fail a test of cost.
inline double seconds_of(const std::function<void()>& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

}  // namespace gradus::rewards
