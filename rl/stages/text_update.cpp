#include "rl/stages/text_update.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>
#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "rl/learn/gradient_pass.h"
#include "rl/learn/pack.h"

namespace gradus::rl {
namespace {

std::vector<PackItem> pack_items(const std::vector<TextExample>& examples) {
  std::vector<PackItem> items;
  for (size_t i = 0; i < examples.size(); ++i) {
    const TextExample& example = examples[i];
    if (example.tokens.size() != example.is_target.size()) {
      throw ArgumentError(fmt::format("text example {}: {} target marks for {} tokens", i,
                                      example.is_target.size(), example.tokens.size()));
    }
    if (example.tokens.empty()) continue;
    PackItem item;
    item.tokens = example.tokens;
    item.is_target = example.is_target;
    items.push_back(item);
  }
  return items;
}

}  // namespace

UpdateResult update_on_text(policy::Policy& policy, Optimizer& optimizer,
                            const std::vector<TextExample>& examples, int64_t microbatch_tokens,
                            double learning_rate, ThreadTeam& team, double prediction_weight,
                            const MixtureTraining& mixture, const StepEnvironment& environment) {
  const std::vector<PackItem> items = pack_items(examples);
  int64_t num_targets = 0;
  for (const PackItem& item : items) num_targets += num_scored(item);

  UpdateResult result;
  result.metrics["learning_rate"] = learning_rate;
  start_skipped(result);
  result.metrics["num_targets"] = static_cast<double>(num_targets);
  if (num_targets == 0) {
    note_empty(result, "no example of the batch has a target token");
    return result;
  }
  const auto T = static_cast<double>(num_targets);
  double entropy = 0.0;
  const auto loss = [&](const Microbatch&, const policy::Scores& scores) {
    entropy += scores.entropies.detach().to(at::kDouble).sum().item<double>();
    return scores.logprobs.to(at::kDouble).sum() * (-1.0 / T);
  };
  TrainingStep step{policy,
                    optimizer,
                    learning_rate,
                    1.0,
                    team,
                    prediction_weight,
                    policy::PredictionGradient::everything,
                    mixture,
                    environment};
  step.loss_alone = [&](const Microbatch&, const policy::Scores& scores) {
    return scores.logprobs.to(at::kDouble).sum() * (-1.0 / T);
  };
  const TrainingStepResult taken = train_on(step, pack(items, microbatch_tokens), loss, result);
  report_loads(result.expert_loads, policy.model_config(), static_cast<double>(result.num_steps),
               result.metrics, result.lists);
  if (taken.loss) {
    result.metrics["loss"] = *taken.loss;
    result.metrics["perplexity"] = std::exp(*taken.loss);
    result.metrics["entropy"] = entropy / T;
  }
  if (taken.grad_norm) result.metrics["grad_norm"] = *taken.grad_norm;
  return result;
}

}  // namespace gradus::rl
