#include <fmt/format.h>

#include "base/error.h"
#include "policy/convert_checkpoint.h"
#include "rl/chain/chain_kind.h"

namespace gradus::rl {
namespace {

struct MergeConfig {
  std::vector<std::string> from;
  std::vector<double> weights;
  std::string dtype;
};

void describe(MergeConfig& c, SettingFields& field) {
  field("from", c.from, any(), "stages or checkpoints of one model whose weights are averaged");
  field("weights", c.weights, any(), "one for each, adding up to 1; empty: equal ones");
  field("dtype", c.dtype, any(), "f32, bf16 or f16; empty: the first one's");
}

void prepare_merge(ChainStage& stage, const StageNames& names) {
  const auto& config = stage.entry.own.of<MergeConfig>("merge");
  const std::string where = stage.entry.where + ".merge";
  if (config.from.size() < 2) throw ConfigError(where + ".from: must name two policies or more");
  if (!config.weights.empty() && config.weights.size() != config.from.size())
    throw ConfigError(fmt::format("{}.weights: has {} entries, must have {}, as `from` has", where,
                                  config.weights.size(), config.from.size()));
  double sum = 0.0;
  for (const double weight : config.weights) sum += weight;
  if (!config.weights.empty() && (sum < 1.0 - 1e-6 || sum > 1.0 + 1e-6))
    throw ConfigError(fmt::format("{}.weights: add up to {}, must add up to 1", where, sum));
  for (const std::string& name : config.from) stage.policies.push_back(names.policy(name, stage));
  stage.config.model.path = stage.policies.front();
}

bool run_merge(const ChainStage& stage, const Chain&, StageRunEnvironment& environment) {
  const auto& config = stage.entry.own.of<MergeConfig>("merge");
  const double equal = 1.0 / static_cast<double>(stage.policies.size());
  std::vector<policy::WeightedCheckpoint> parts;
  for (size_t i = 0; i < stage.policies.size(); ++i)
    parts.push_back({stage.policies[i], config.weights.empty() ? equal : config.weights[i]});
  environment.observer.on_phase(0, "save");
  for (const auto& note : policy::average_checkpoints(parts, stage.folder / "final", config.dtype))
    environment.observer.on_warning(note);
  return true;
}

}  // namespace

extern const ChainKind kMergeKind;
const ChainKind kMergeKind{.name = "merge",
                           .text = "averages the weights of several policies",
                           .own = [] { return OwnSettings::of(MergeConfig{}); },
                           .makes_policy = true,
                           .makes_files = true,
                           .prepare = prepare_merge,
                           .run = run_merge};

}  // namespace gradus::rl
