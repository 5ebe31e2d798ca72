#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings/own_settings.h"
#include "base/settings/registry.h"
#include "rl/chain/chain.h"
#include "rl/chain/chain_environment.h"

namespace gradus::rl {

/// A kind of stage that is no run of steps: it looks at policies that others have made. A new one
/// is a file with its record and a line in kinds/records.inc. The kinds that train or sample are
/// those of rl/stages, under the same names.
struct ChainKind {
  std::string_view name;
  std::string_view text;
  OwnSettings (*own)() = nullptr;  ///< its section of [[stages]]; null: none
  bool makes_policy = false;       ///< DIR/stages/NAME/final
  bool makes_files = false;        ///< its own work takes time that the ledger shows
  /// Resolves stages that its own settings name, and says what is wrong. @throws ConfigError
  void (*prepare)(ChainStage& stage, const StageNames& names);
  /// Does the work in `stage.folder`, which exists. False: it was stopped.
  bool (*run)(const ChainStage& stage, const Chain& chain, StageRunEnvironment& environment);
};

const Registry<ChainKind>& chain_kinds();

/// The names of all kinds of stages: "rl" and those of rl/stages and of chain_kinds().
std::vector<std::string> stage_kind_names();
std::string stage_kinds_described();

/// Does the stage leave a policy that answers? One that trains a reward model's head does not: what
/// it would say to a problem is no longer trained.
bool makes_answering_policy(const ChainStage& stage);

/// The value of run.task that a kind is: rl is grpo; empty: it is a ChainKind.
std::string task_of_kind(const std::string& kind);

}  // namespace gradus::rl
