#pragma once

#include <limits>
#include <string>
#include <vector>

#include "rewards/combination.h"
#include "rollout/records.h"

namespace gradus::rl {

/// The completions of one prompt with what the reward rules and the advantage estimator made of
/// them. All vectors run over completions.
struct Group {
  rollout::Prompt prompt;
  std::vector<rollout::Completion> completions;
  std::vector<std::vector<rewards::Grade>> grades;  ///< [rule][completion]
  rewards::Contributions contributions;             ///< [rule][completion] what of a grade counts
  std::vector<rewards::RewardTerms> terms;          ///< [rule] weight, bounds, gate
  std::vector<double> rewards;     ///< weighted sum; NaN where no rule could score the completion
  std::vector<double> advantages;  ///< 0 where the reward is NaN or the rollout failed
  /// Of the prompt's greedy completion, where one was sampled; NaN: none, or not scored.
  double greedy_reward = std::numeric_limits<double>::quiet_NaN();
  /// [completion][token] credit of single tokens in place of the completion's advantage; empty, as
  /// a whole or for one completion: the advantage is every token's.
  std::vector<std::vector<double>> credit;
  /// [completion][token] what a KL term in the reward takes from each token's; empty: nothing.
  std::vector<std::vector<double>> penalties;
  /// [completion][token] of a teacher's, for losses that read them; empty: there is no teacher.
  std::vector<std::vector<float>> teacher_logprobs;
};

}  // namespace gradus::rl
