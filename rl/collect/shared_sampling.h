#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "rewards/reward_set.h"
#include "rl/collect/group.h"
#include "rl/parallel/communicator.h"
#include "rollout/rollout_pool.h"

namespace gradus::rl {

/// What samples and grades.
struct SamplingTools {
  rollout::RolloutPool& pool;
  rewards::RewardSet& rules;
  int num_threads = 1;  ///< for grading
  const Clock& clock = machine_clock();
  std::stop_token stop = {};
  Communicator* ranks = nullptr;  ///< null: alone
};

/// Who watches. All may be empty.
struct SamplingHooks {
  std::function<void()> on_answer = {};  ///< as RolloutPool::run's on_done
  std::function<void()> on_grading = {};
  /// Looks at what this rank sampled, before it is graded; may throw.
  std::function<void(const std::vector<rollout::Rollout>&)> check = {};
};

/// What a batch of requests came to, on all ranks.
struct SampledBatch {
  std::vector<Group> groups;    ///< in the requests' order
  rollout::RolloutStats stats;  ///< seconds: of the slowest rank
  std::vector<rewards::RuleCounts> counts;
  double sample_s = 0.0;  ///< of the slowest rank
  double grade_s = 0.0;
};

/// Answers and grades the requests. Ranks share them: each samples and grades every R-th prompt,
/// and all get all groups, with the bits that one process would have given them. All ranks make the
/// same requests.
/// @return  nothing: a rank was asked to stop.
std::optional<SampledBatch> sample_and_grade(std::vector<rollout::RolloutRequest> requests,
                                             const SamplingTools& tools,
                                             const SamplingHooks& hooks);

}  // namespace gradus::rl
