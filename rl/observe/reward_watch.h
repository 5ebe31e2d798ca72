#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rl/collect/group.h"

namespace gradus::rl {

/// Why a step has nothing to learn from, in one sentence with what to do, most likely cause first:
/// rollouts that failed, rules that failed, completions that were all cut off, completions that
/// are all equal, rewards that are all equal (at 0, or at one value). Nothing: some group has
/// unequal rewards.
std::optional<std::string> explain_no_signal(const std::vector<Group>& groups,
                                             const std::vector<std::string>& rule_names);

/// Looks at the rewards of every step for what people find out too late: a rule that never
/// differs, completions that repeat each other, a run of steps without signal, reward that rises
/// while held-out accuracy falls. It warns once per matter and never changes a result.
class RewardWatch {
 public:
  /// Warnings about this step's groups.
  std::vector<std::string> look_at(int64_t step, const std::vector<Group>& groups,
                                   const std::vector<std::string>& rule_names);
  /// Warnings about held-out accuracy, after an evaluation.
  std::vector<std::string> look_at_eval(int64_t step, double accuracy);

  /// What it counted and said so far, for a checkpoint: a resumed run warns as one that was never
  /// interrupted.
  std::string memory() const;
  /// @throws FileError  `memory` is none of its own.
  void recall(const std::string& memory);

 private:
  void warn_once(const std::string& matter, std::string message, std::vector<std::string>& out);

  std::map<std::string, int64_t> steps_without_;  ///< matter -> steps in a row
  std::map<std::string, bool> is_said_;
  double mean_reward_ = 0.0;  ///< moving mean of the last steps
  bool has_reward_ = false;
  std::optional<double> best_accuracy_;
  double reward_at_best_ = 0.0;
};

/// Share of completions whose text equals that of an earlier one of the same prompt.
double duplicate_share(const std::vector<Group>& groups);

}  // namespace gradus::rl
