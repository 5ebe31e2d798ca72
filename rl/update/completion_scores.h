#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "rl/collect/group.h"
#include "rl/learn/gradient_pass.h"
#include "rl/update/update.h"

namespace gradus::rl {

/// Logprobs of the tokens of microbatches by what a KL term compares with.
/// @param pass  whose policy is in training, and who else is asked of what it stands for.
/// @return  [num_tokens] float32, as score_tokens.
at::Tensor score_reference(policy::Policy& policy, const Reference& reference,
                           const ScoringPass& pass, const std::vector<Microbatch>& microbatches,
                           int64_t num_tokens, UpdateCost& cost, ThreadTeam& team);

/// Logprobs by completion: [group][completion][token]; empty for completions that may not be
/// trained on.
using CompletionScores = std::vector<std::vector<std::vector<float>>>;

/// What goes through a scoring policy: whole completions behind their prompts. Looks into the
/// groups, which outlive it.
struct CompletionBatch {
  std::vector<Microbatch> microbatches;
  int64_t num_tokens = 0;
};
CompletionBatch pack_completions(const std::vector<Group>& groups, int64_t microbatch_tokens);

/// The scores of `batch` [num_tokens], put back where the groups have them.
CompletionScores scores_by_completion(const std::vector<Group>& groups, const at::Tensor& scores);

/// Fills the groups' penalties with what a KL term in the reward takes (rl.kl_in_reward).
/// @return  the mean of the KL estimate over trained tokens.
double penalise(std::vector<Group>& groups, const CompletionScores& old,
                const CompletionScores& reference, const AlgorithmConfig& config);

}  // namespace gradus::rl
