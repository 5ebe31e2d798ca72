#include "rl/chain/chain_kind.h"

#include <fmt/format.h>

#include "rl/stages/stage.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const ChainKind record;
#include "rl/chain/kinds/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const char* kReinforcement = "rl";  // the usual name of what the task grpo does
constexpr const char* kReinforcementTask = "grpo";

}  // namespace

const Registry<ChainKind>& chain_kinds() {
#define GRADUS_RECORD(record) &record,
  static constexpr const ChainKind* kAll[] = {
#include "rl/chain/kinds/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<ChainKind> kRegistry("stages[].kind", kAll);
  return kRegistry;
}

std::vector<std::string> stage_kind_names() {
  std::vector<std::string> names{kReinforcement};
  for (const auto& name : stages().names()) names.push_back(name);
  for (const auto& name : chain_kinds().names()) names.push_back(name);
  return names;
}

std::string stage_kinds_described() {
  std::string text =
      fmt::format("what it does: {} (the same as {})", kReinforcement, kReinforcementTask);
  for (const StageKind* kind : stages().records())
    text += fmt::format(", {} ({})", kind->name, kind->text);
  for (const ChainKind* kind : chain_kinds().records())
    text += fmt::format(", {} ({})", kind->name, kind->text);
  return text;
}

bool makes_answering_policy(const ChainStage& stage) {
  if (const ChainKind* kind = chain_kinds().find(stage.entry.kind)) return kind->makes_policy;
  const StageKind& task = stages().at(stage.config.run.task);
  return task.learns && !task.has_score_head;
}

std::string task_of_kind(const std::string& kind) {
  if (kind == kReinforcement) return kReinforcementTask;
  return stages().find(kind) != nullptr ? kind : "";
}

}  // namespace gradus::rl
