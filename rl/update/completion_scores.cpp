#include "rl/update/completion_scores.h"

#include "rl/algorithms/advantages/advantage.h"
#include "rl/algorithms/kl/in_reward.h"
#include "rl/update/reference_policy.h"

namespace gradus::rl {

at::Tensor score_reference(policy::Policy& policy, const Reference& reference,
                           const ScoringPass& pass, const std::vector<Microbatch>& microbatches,
                           int64_t num_tokens, UpdateCost& cost, ThreadTeam& team) {
  const auto score = [&](const policy::Policy& asked, bool use_adapters) {
    return score_tokens({asked, pass.temperature, use_adapters, pass.replays, pass.environment},
                        microbatches, num_tokens, cost, team);
  };
  if (reference.parameters != nullptr) {
    at::Tensor logprobs;
    with_parameters(policy, *reference.parameters, team, [&] { logprobs = score(policy, true); });
    return logprobs;
  }
  const bool has_own = reference.policy != nullptr;
  return score(has_own ? *reference.policy : policy, has_own);
}

CompletionBatch pack_completions(const std::vector<Group>& groups, int64_t microbatch_tokens) {
  CompletionBatch batch;
  std::vector<PackItem> items;
  for (size_t g = 0; g < groups.size(); ++g)
    for (const auto& completion : groups[g].completions) {
      if (!is_trainable(completion)) continue;
      PackItem item;
      item.prefix_id = static_cast<int32_t>(g);
      item.prefix = groups[g].prompt.tokens;
      item.tokens = completion.tokens;
      item.first_token = batch.num_tokens;
      items.push_back(item);
      batch.num_tokens += static_cast<int64_t>(completion.tokens.size());
    }
  batch.microbatches = pack(items, microbatch_tokens);
  return batch;
}

CompletionScores scores_by_completion(const std::vector<Group>& groups, const at::Tensor& scores) {
  CompletionScores all;
  const float* next = scores.const_data_ptr<float>();
  for (const Group& group : groups) {
    auto& of_group = all.emplace_back(group.completions.size());
    for (size_t i = 0; i < group.completions.size(); ++i) {
      if (!is_trainable(group.completions[i])) continue;
      const size_t n = group.completions[i].tokens.size();
      of_group[i].assign(next, next + n);
      next += n;
    }
  }
  return all;
}

double penalise(std::vector<Group>& groups, const CompletionScores& old,
                const CompletionScores& reference, const AlgorithmConfig& config) {
  double sum = 0.0;
  double tokens = 0.0;
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].penalties.clear();
    for (size_t i = 0; i < groups[g].completions.size(); ++i) {
      const std::vector<double> ours(old[g][i].begin(), old[g][i].end());
      const std::vector<double> theirs(reference[g][i].begin(), reference[g][i].end());
      const auto& penalties = groups[g].penalties.emplace_back(kl_penalties(ours, theirs, config));
      const auto live = live_tokens(groups[g].completions[i]);
      for (size_t t = 0; t < penalties.size(); ++t) {
        if (live[t] == 0) continue;
        sum += penalties[t];
        tokens += 1.0;
      }
    }
  }
  return tokens > 0.0 && config.kl_coef > 0.0 ? sum / tokens / config.kl_coef : 0.0;
}

}  // namespace gradus::rl
