#include "rl/chain/policy_evaluation.h"

#include <filesystem>

#include "base/files/atomic_file.h"
#include "base/parallel.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/kernels/product_count.h"
#include "policy/policy.h"
#include "rl/chain/stage_ledger.h"
#include "rl/evaluation/evaluate.h"
#include "rl/learn/learner.h"
#include "rl/stages/sampled_evaluation.h"
#include "rollout/rollout_pool.h"

namespace gradus::rl {

namespace fs = std::filesystem;

std::optional<std::map<std::string, double>> evaluate_policy(RunConfig config,
                                                             const fs::path& checkpoint,
                                                             const fs::path& ledger,
                                                             const fs::path& lines,
                                                             StageRunEnvironment& environment) {
  const double begin = environment.clock.now_s();
  const int64_t counted_begin = policy::kernels::counted_products();
  environment.observer.on_phase(0, "evaluate");
  config.model.path = checkpoint.string();
  config.model.config.clear();
  config.model.tokenizer.clear();
  config.model.lora = {};
  ThreadTeam team(team_size(config.run.threads));
  const auto tokenizer = policy::load_checkpoint_tokenizer(config.model.path);
  const auto policy = policy::Policy::load(config.model, policy::Purpose::inference, team);
  const auto context = static_cast<int>(policy->model_config().max_position_embeddings);
  rollout::RolloutPool pool(*policy, *tokenizer.tokenizer, config.rollout, team.size(),
                            environment.clock);
  Metrics figures;
  std::string lines_text;
  LedgerEntry cost{"evaluate", 0, 0.0, 0.0, 0, 0.0};
  bool is_whole = true;
  for (const auto& [name, plan] : eval_plans(config)) {
    Evaluator evaluator(plan, tokenizer, context);
    const auto result = evaluator.evaluate(
        *policy, pool, team.size(), environment.stop,
        [&](int64_t done, int64_t total) { environment.observer.on_progress(done, total); });
    if (!(is_whole = result.has_value())) break;
    add_figures(*result, name, figures);
    cost.tokens += result->prompt_tokens + result->completion_tokens;
    cost.sampled += result->completion_tokens;
    cost.graded += result->completion_tokens;
    cost.flops += result->flops;
    lines_text += eval_lines(*result);
  }
  if (!is_whole) cost = {"lost", 0};  // broken off, and done again
  cost.seconds = cost.device_seconds = environment.clock.now_s() - begin;
  cost.counted_flops =
      2.0 * static_cast<double>(policy::kernels::counted_products() - counted_begin);
  enter_stage_cost(ledger, cost, config.ledger);
  if (!is_whole) return std::nullopt;
  write_file_atomically(lines, lines_text);
  const auto values = figures.values();
  return std::map<std::string, double>(values.begin(), values.end());
}

}  // namespace gradus::rl
