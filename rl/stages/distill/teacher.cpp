#include "rl/stages/distill/teacher.h"

#include <utility>

#include "base/error.h"
#include "policy/checkpoint_tokenizer.h"
#include "rl/algorithms/advantages/advantage.h"
#include "rl/algorithms/distillation/on_policy.h"

namespace gradus::rl {
namespace {

// Letters, digits, spaces, other scripts: two tokenizers that agree here have one vocabulary.
constexpr const char* kProbe =
    "The quick brown fox: 12 + 345 = 357.\n\tÄpfel, 数学 и <think>42</think>";

void check_tokenizer(const std::string& path, const policy::Tokenizer& student) {
  const auto loaded = policy::load_checkpoint_tokenizer(path);
  const policy::Tokenizer& teacher = *loaded.tokenizer;
  if (teacher.vocab_size() == student.vocab_size() &&
      teacher.encode(kProbe, false) == student.encode(kProbe, false))
    return;
  throw ConfigError("distill.teacher: " + path +
                    " has another tokenizer than the student; a teacher must read the student's "
                    "tokens. Train on its texts instead (run.task = \"sft\")");
}

}  // namespace

Teacher::Teacher(const DistillConfig& config, Learner& learner) {
  if (config.teacher.empty()) throw ConfigError("distill.teacher: is empty. Name a checkpoint");
  check_tokenizer(config.teacher, *learner.tokenizer().tokenizer);
  policy::PolicyConfig model = learner.model_settings();
  model.path = config.teacher;
  model.lora = {};
  model.rollout_weights = policy::RolloutWeights::compute;
  policy_ = policy::Policy::load(model, policy::Purpose::inference, learner.team());
}

CompletionScores Teacher::scores(const std::vector<Group>& groups, int64_t microbatch_tokens,
                                 const StepEnvironment& environment, UpdateCost& cost,
                                 ThreadTeam& team) const {
  const auto batch = pack_completions(groups, microbatch_tokens);
  return scores_by_completion(
      groups, score_tokens({*policy_, 1.0, true, false, environment}, batch.microbatches,
                           batch.num_tokens, cost, team));
}

double apply_teacher(std::vector<Group>& groups, const CompletionScores& teacher,
                     const DistillConfig& config, bool has_rewards) {
  double sum = 0.0;
  double tokens = 0.0;
  for (size_t g = 0; g < groups.size(); ++g) {
    Group& group = groups[g];
    if (!has_rewards) group.advantages.assign(group.completions.size(), 0.0);
    if (group.credit.empty()) group.credit.resize(group.completions.size());
    if (config.form == DistillForm::loss) group.teacher_logprobs = teacher[g];
    for (size_t i = 0; i < group.completions.size(); ++i) {
      const auto& completion = group.completions[i];
      if (!is_trainable(completion)) continue;
      const auto live = live_tokens(completion);
      const std::vector<double> own(completion.policy_logprobs.begin(),
                                    completion.policy_logprobs.end());
      const std::vector<double> theirs(teacher[g][i].begin(), teacher[g][i].end());
      for (size_t t = 0; t < own.size(); ++t) {
        if (live[t] == 0) continue;
        sum += own[t] - theirs[t];
        tokens += 1.0;
      }
      if (config.form != DistillForm::advantage) continue;
      const std::vector<double> given(own.size(), group.advantages[i]);
      group.credit[i] =
          distillation_advantages(own, theirs, group.credit[i].empty() ? given : group.credit[i],
                                  live, config.kl_coef, config.discount, config.max_log_ratio);
    }
    if (config.form != DistillForm::advantage) group.credit.clear();
  }
  return tokens > 0.0 ? sum / tokens : 0.0;
}

}  // namespace gradus::rl
