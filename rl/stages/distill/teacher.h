#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "policy/policy.h"
#include "rl/collect/group.h"
#include "rl/learn/gradient_pass.h"
#include "rl/learn/learner.h"
#include "rl/stages/distill/distill_config.h"
#include "rl/update/completion_scores.h"

namespace gradus::rl {

/// A frozen policy that is asked what it thinks of the student's tokens.
class Teacher {
 public:
  /// @throws ConfigError  no teacher, or one with another tokenizer; FileError
  Teacher(const DistillConfig& config, Learner& learner);

  const policy::Policy& policy() const { return *policy_; }

  /// Logprobs of the groups' completions, at temperature 1.
  CompletionScores scores(const std::vector<Group>& groups, int64_t microbatch_tokens,
                          const StepEnvironment& environment, UpdateCost& cost,
                          ThreadTeam& team) const;

 private:
  std::unique_ptr<policy::Policy> policy_;
};

/// Puts the teacher's part into the groups: credit of every token (form advantage), or its
/// logprobs (form loss). The student's logprobs are the sampler's.
/// @param has_rewards  groups have advantages, which the credit begins with.
/// @return  the mean of lp - lp_teacher over trained tokens: `teacher_kl`.
double apply_teacher(std::vector<Group>& groups, const CompletionScores& teacher,
                     const DistillConfig& config, bool has_rewards);

}  // namespace gradus::rl
