#include "rl/collect/reward_model_rule.h"

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/policy.h"
#include "policy/tokenizer/load_tokenizer.h"
#include "rewards/registry.h"
#include "rl/learn/learner.h"
#include "rl/learn/model_settings.h"
#include "rl/learn/pack.h"
#include "rl/learn/score_head.h"
#include "rollout/prompts/prompt_renderer.h"

namespace gradus::rl {
namespace {

constexpr int64_t kGradedRows = 4096;

struct RewardModelOptions {
  std::string path;
  int threads = 0;
};

template <class Field>
void describe(RewardModelOptions& c, Field&& field) {
  field("path", c.path, non_empty(), "checkpoint with a scalar head: a reward model's final/");
  field("threads", c.threads, at_least(0), "that compute; 0: all cores");
}

ModelSettings settings_of_model(const RewardModelOptions& options) {
  ModelSettings model;
  model.path = options.path;
  return model;
}

class RewardModelRule final : public rewards::RewardRule {
 public:
  RewardModelRule(std::string name, const RewardModelOptions& options)
      : name_(std::move(name)),
        team_(team_size(options.threads)),
        tokenizer_(policy::load_checkpoint_tokenizer(options.path)),
        policy_(
            policy::Policy::load(settings_of_model(options), policy::Purpose::inference, team_)) {
    if (!has_score_head(options.path))
      throw ConfigError("rewards: " + options.path +
                        " has no score.weight: it is no reward model. The stage reward_model "
                        "makes one (run.task)");
    if (tokenizer_.tokenizer->eos_ids().empty())
      throw ConfigError("rewards: " + options.path + ": its tokenizer names no end token");
    add_score_head(*policy_, settings_of_model(options), 0);
  }

  std::string name() const override { return name_; }

  std::vector<rewards::Grade> grade(std::span<const rewards::RewardInput> group) override {
    const std::lock_guard lock(mutex_);
    const at::NoGradGuard no_grad;
    const policy::Tokenizer& encoder = *tokenizer_.tokenizer;
    std::vector<rewards::Grade> grades(group.size());
    std::vector<std::vector<int32_t>> prompts;
    std::vector<std::vector<int32_t>> answers;
    for (const auto& input : group) {
      prompts.push_back(rollout::encode_to_continue(encoder, std::string(input.prompt)));
      answers.push_back(encoder.encode(std::string(input.completion), false));
      answers.back().push_back(encoder.eos_ids().front());
    }
    score(prompts, answers, grades);
    return grades;
  }

 private:
  void score(const std::vector<std::vector<int32_t>>& prompts,
             std::vector<std::vector<int32_t>>& answers, std::vector<rewards::Grade>& grades) {
    const auto longest = static_cast<size_t>(policy_->model_config().max_position_embeddings);
    std::vector<PackItem> items;
    std::vector<size_t> graded;
    std::vector<std::vector<uint8_t>> targets(answers.size());
    for (size_t i = 0; i < answers.size(); ++i) {
      if (prompts[i].size() + answers[i].size() > longest) {
        grades[i] = rewards::skipped(fmt::format("has {} tokens, the reward model's context {}",
                                                 prompts[i].size() + answers[i].size(), longest));
        continue;
      }
      // A token behind the last one makes its row be laid; it is never looked up.
      answers[i].push_back(answers[i].back());
      targets[i].assign(answers[i].size(), 0);
      targets[i].back() = 1;
      PackItem item;
      item.prefix_id = prompts[i] == prompts.front() ? 0 : static_cast<int32_t>(i);
      item.prefix = prompts[i];
      item.tokens = answers[i];
      item.is_target = targets[i];
      items.push_back(item);
      graded.push_back(i);
    }
    for (const Microbatch& microbatch : pack(items, kGradedRows)) {
      const at::Tensor hidden = policy_->forward(microbatch.batch, team_);
      const at::Tensor values = head_rewards(*policy_, hidden, microbatch.scores.rows);
      const at::Tensor row_rewards = values.contiguous();
      for (size_t s = 0; s < microbatch.sequence.size(); ++s) {
        const auto item = microbatch.items[static_cast<size_t>(microbatch.sequence[s])];
        grades[graded[static_cast<size_t>(item)]] =
            rewards::scored(static_cast<double>(row_rewards.const_data_ptr<float>()[s]));
      }
    }
  }

  std::string name_;
  std::mutex mutex_;
  ThreadTeam team_;
  policy::LoadedTokenizer tokenizer_;
  std::unique_ptr<policy::Policy> policy_;
};

}  // namespace

std::unique_ptr<rewards::RewardRule> make_rule(const rewards::RewardConfig& config) {
  if (config.type != kRewardModelRule) return rewards::make_reward_rule(config);
  return std::make_unique<RewardModelRule>(config.display_name(),
                                           rewards::read_options<RewardModelOptions>(config));
}

rewards::RewardSet make_reward_set(const std::vector<rewards::RewardConfig>& configs) {
  if (configs.empty())
    return {std::vector<std::unique_ptr<rewards::RewardRule>>(),
            std::vector<rewards::RewardTerms>()};
  return {configs, make_rule};
}

}  // namespace gradus::rl
