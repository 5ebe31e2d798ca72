#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mean.h>

#include <algorithm>

#include "base/error.h"
#include "rl/algorithms/preference/reward_pairs.h"
#include "rl/learn/score_head.h"
#include "rl/stages/pairs/pair_stage.h"

namespace gradus::rl {
namespace {

double mean_reward(const at::Tensor& values) {
  return values.to(at::kDouble).mean().item<double>();
}

/// A reward model: one number from the hidden state at an answer's end token.
class RewardModelTask final : public PairTask {
 public:
  RewardModelTask(const RunConfig& config, Learner& learner) : config_(config), learner_(learner) {}

  PairBatch::Read read() const override { return PairBatch::Read::last_row; }

  at::Tensor values(const PairBatch& batch, const Microbatch& microbatch, const policy::Scores&,
                    const at::Tensor& hidden) const override {
    return batch.sums_by_answer(microbatch,
                                head_rewards(learner_.policy(), hidden, microbatch.scores.rows));
  }

  at::Tensor loss(const PairSource& source, bool, const std::vector<int64_t>& rows,
                  const PairBatch&, const PairValues& values) const override {
    const auto margins = at::empty({static_cast<int64_t>(rows.size())}, at::kDouble);
    double* out = margins.mutable_data_ptr<double>();
    for (const int64_t row : rows) *out++ = source.row(row).margin;
    return reward_pair_loss(values.chosen, values.rejected, margins,
                            config_.reward_model.center_coef);
  }

  void report(const PairSource&, bool, const std::vector<int64_t>&, const PairBatch&,
              const PairValues& values, Metrics& metrics) const override {
    metrics["rewards/chosen"] = mean_reward(values.chosen);
    metrics["rewards/rejected"] = mean_reward(values.rejected);
    metrics["rewards/margins"] = mean_reward(values.chosen - values.rejected);
    metrics["rewards/accuracies"] = mean_reward(values.chosen > values.rejected);
  }

 private:
  const RunConfig& config_;
  Learner& learner_;
};

std::unique_ptr<Stage> make_reward_model_stage(const RunConfig& config, Run& run,
                                               Learner& learner) {
  return std::make_unique<PairStage>(config, config.reward_model, run, learner,
                                     std::make_unique<RewardModelTask>(config, learner), false);
}

void check_reward_model(const RunConfig& config, const std::string& source) {
  check_pairs(config, "reward_model", source);
  if (config.model.lora.rank > 0)
    throw ConfigError(source +
                      ": model.lora.rank: must be 0 with run.task = \"reward_model\", which trains "
                      "all weights and the head");
}

}  // namespace

extern const StageKind kRewardModelStage;
const StageKind kRewardModelStage{
    .name = "reward_model",
    .text = "a scalar head that tells the better of two answers, on pairs in `data`",
    .samples = false,
    .check = check_reward_model,
    .make = make_reward_model_stage,
    .estimate =
        [](const RunConfig& config, const policy::ModelConfig& model, int64_t prompt_tokens) {
          return estimate_pairs(config, config.reward_model, model, prompt_tokens);
        },
    .microbatch_rows =
        [](const RunConfig& config) { return config.reward_model.microbatch_tokens; },
    .eval_path = [](const RunConfig& config) { return config.reward_model.eval_path; },
    .has_score_head = true};

}  // namespace gradus::rl
