#include "rl/chain/policy_evaluation.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <thread>

#include "base/files/atomic_file.h"
#include "base/parallel.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/policy.h"
#include "rl/evaluation/evaluate.h"
#include "rl/run/ledger.h"
#include "rl/stages/sampled_evaluation.h"
#include "rollout/rollout_pool.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

int64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

int num_threads(const RunConfig& config) {
  const int all = static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, config.run.threads > 0 ? config.run.threads : all);
}

}  // namespace

std::optional<std::map<std::string, double>> evaluate_policy(RunConfig config,
                                                             const fs::path& checkpoint,
                                                             const fs::path& ledger,
                                                             const fs::path& lines,
                                                             StageRunEnvironment& environment) {
  const double begin = environment.clock.now_s();
  environment.observer.on_phase(0, "evaluate");
  config.model.path = checkpoint.string();
  config.model.config.clear();
  config.model.tokenizer.clear();
  config.model.lora = {};
  ThreadTeam team(num_threads(config));
  const auto tokenizer = policy::load_checkpoint_tokenizer(config.model.path);
  const auto policy = policy::Policy::load(config.model, policy::Purpose::inference, team);
  const auto context = static_cast<int>(policy->model_config().max_position_embeddings);
  Evaluator evaluator(eval_plan(config), tokenizer, context);
  rollout::RolloutPool pool(*policy, *tokenizer.tokenizer, config.rollout, team.size(),
                            environment.clock);
  const auto result = evaluator.evaluate(
      *policy, pool, team.size(), environment.stop,
      [&](int64_t done, int64_t total) { environment.observer.on_progress(done, total); });
  const double seconds = environment.clock.now_s() - begin;
  Ledger book(ledger, size_of(ledger), 0, config.ledger);
  book.append({"evaluate", 0, seconds, seconds,
               result ? result->prompt_tokens + result->completion_tokens : 0,
               result ? result->flops : 0.0});
  book.sync();
  if (!result) return std::nullopt;
  write_file_atomically(lines, eval_lines(*result));
  std::map<std::string, double> figures;
  for (const auto& [name, value] : eval_metrics(*result).values()) figures[name] = value;
  figures.erase("time/eval");
  return figures;
}

}  // namespace gradus::rl
