#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/settings/own_settings.h"
#include "base/settings/setting.h"
#include "rl/stages/run_config.h"

namespace gradus::rl {

/// What happens where a stage's policy has fallen too far.
enum class GateAction {
  stop,   ///< the chain ends there; the stage is kept
  go_on,  ///< with a warning
};

/// `[stages.gate]`: what a stage's policy must be able to do before the next stage begins.
struct StageGate {
  std::string metric;              ///< of the evaluation, "accuracy"; empty: no gate
  std::optional<double> max_fall;  ///< below the same metric of `than`
  std::string than;                ///< earlier stage; empty: the one in `from`
  std::optional<double> at_least;
  GateAction otherwise = GateAction::stop;
};

void describe(StageGate& c, SettingFields& field);

/// The own settings of all kinds of stages that a chain alone has: [stages.merge] and so on.
RecordSettings default_kind_settings();

/// `[[stages]]`: one stage of a chain.
struct StageEntry {
  std::string name;
  std::string kind;
  std::string from;  ///< the policy it starts from: a stage, or a checkpoint
  nlohmann::json data =
      "";                 ///< rows: a stage or a file, or a list of those; empty: as settings say
  std::string reference;  ///< rl.reference, or a stage
  std::string teacher;    ///< a stage or a checkpoint
  std::string recipe;     ///< a file of settings between the common ones and `settings`
  nlohmann::json settings = nlohmann::json::object();
  StageGate gate;
  RecordSettings own = default_kind_settings();
  std::string where;  ///< "recipe.toml:12: stages[0]", for errors
};

void describe(StageEntry& c, SettingFields& field);

/// `[chain]`.
struct ChainSettings {
  bool evaluate = true;
};

void describe(ChainSettings& c, SettingFields& field);

/// A recipe with [[stages]]: what all stages have in common, and the stages.
struct ChainFile {
  RunConfig common;
  ChainSettings chain;
  std::vector<StageEntry> stages;
};

void describe(ChainFile& c, SettingFields& field);

}  // namespace gradus::rl
