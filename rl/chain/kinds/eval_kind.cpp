#include "base/error.h"
#include "rl/chain/chain_kind.h"

namespace gradus::rl {
namespace {

void prepare_eval(ChainStage& stage, const StageNames&) {
  const RunConfig& config = stage.config;
  const std::string& where = stage.entry.where;
  check_settings(config, where);
  if (config.model.path.empty())
    throw ConfigError(where + ": from: is empty. Name the stage or checkpoint to evaluate");
  if (!config.eval.has_problems())
    throw ConfigError(where + ": eval.data.path: is empty, and so is eval.data.task");
  if (config.eval.rewards.empty() && config.rewards.empty())
    throw ConfigError(where + ": eval.rewards: there is no rule that says which answer is right");
}

// The evaluation itself is what comes after every stage (rl/chain/run_chain.cpp).
bool run_eval(const ChainStage&, const Chain&, StageRunEnvironment&) {
  return true;
}

}  // namespace

extern const ChainKind kEvalKind;
const ChainKind kEvalKind{.name = "eval",
                          .text = "evaluates the policy in `from`, which may be any checkpoint",
                          .own = nullptr,
                          .makes_policy = false,
                          .prepare = prepare_eval,
                          .run = run_eval};

}  // namespace gradus::rl
