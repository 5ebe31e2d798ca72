#pragma once

#include <string>
#include <vector>

#include "rewards/reward_set.h"

namespace gradus::cli {

/// How a rule's grades, and the rewards, are distributed over a file.
class RewardDistribution {
 public:
  explicit RewardDistribution(std::vector<std::string> rule_names);

  void add(const rewards::GradedGroup& graded);

  /// A table with a line per rule and one for the reward: how many were scored, mean, deviation,
  /// least, quartiles (interpolated), greatest, share of 0 and of 1, and how many were skipped,
  /// failed or timed out; below it the first reason of each rule that failed.
  std::string text() const;

  /// Grades that failed or timed out.
  int64_t num_broken() const;

 private:
  struct Line {
    std::string name;
    std::vector<double> values;
    int64_t skipped = 0;
    int64_t failed = 0;
    int64_t timed_out = 0;
    std::string first_reason;
  };

  void add_grade(Line& line, const rewards::Grade& grade);

  std::vector<Line> rules_;
  Line reward_;
};

/// The value below which a share of the sorted values lies; linear between neighbours.
double quantile(const std::vector<double>& sorted, double share);

}  // namespace gradus::cli
