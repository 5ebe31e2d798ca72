#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "base/settings/nearest_name.h"
#include "policy/formats/checkpoint_name.h"
#include "rl/chain/chain.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStageMark = "stage:";

/// "zero", "zero:best", "zero:step-000100": the stage and the folder of its run.
std::pair<std::string, std::string> parts_of(const std::string& name) {
  const size_t colon = name.find(':');
  if (colon == std::string::npos) return {name, "final"};
  const std::string which = name.substr(colon + 1);
  const bool is_step = which.starts_with("step-");
  return {name.substr(0, colon), is_step ? "checkpoints/" + which + "/model" : which};
}

}  // namespace

bool StageNames::holds(const std::string& name) const {
  return std::ranges::find(names_, name) != names_.end();
}

std::string StageNames::of_stage(const std::string& name, const std::string& file,
                                 ChainStage& stage) const {
  const fs::path path = dir_ / "stages" / name / file;
  stage.inputs.push_back(path);
  if (std::ranges::find(stage.needs, name) == stage.needs.end()) stage.needs.push_back(name);
  return path.string();
}

std::string StageNames::path(const std::string& path) const {
  std::error_code ignored;
  if (path.empty() || fs::path(path).is_absolute()) return path;
  for (const fs::path& folder : {folder_, fs::current_path()})
    if (fs::exists(folder / path, ignored)) return fs::weakly_canonical(folder / path).string();
  return path;
}

std::string StageNames::policy(const std::string& name, ChainStage& stage) const {
  const auto [stage_name, file] = parts_of(name);
  if (holds(stage_name)) return of_stage(stage_name, file, stage);
  const std::string found = path(name);
  if (fs::path(found).is_absolute()) return found;
  const std::string of_hub = policy::resolve_checkpoint_name(name).string();
  std::error_code ignored;
  if (fs::exists(of_hub, ignored)) return fs::absolute(of_hub).string();
  const auto nearest = nearest_name(name, names_);
  throw ConfigError(stage.entry.where + ": \"" + name +
                    "\" is neither an earlier stage nor a checkpoint" +
                    (nearest ? "; did you mean the stage \"" + *nearest + "\"?"
                             : ". " + policy::missing_checkpoint_advice(name)));
}

std::string StageNames::rows(const std::string& name, ChainStage& stage) const {
  const size_t colon = name.find(':');
  if (holds(name.substr(0, colon))) {
    const std::string what = colon == std::string::npos ? "rows" : name.substr(colon + 1);
    if (what != "rows" && what != "prompts" && what != "pairs")
      throw ConfigError(stage.entry.where + ": data: \"" + name +
                        "\" must be a stage, STAGE:prompts or STAGE:pairs");
    return of_stage(name.substr(0, colon), what + ".jsonl", stage);
  }
  const std::string found = path(name);
  if (fs::path(found).is_absolute()) return found;
  throw ConfigError(stage.entry.where + ": data: \"" + name +
                    "\" is neither an earlier stage nor a file");
}

std::string StageNames::text(const std::string& text, ChainStage& stage) const {
  if (!text.starts_with(kStageMark)) return text;
  const std::string named = text.substr(kStageMark.size());
  const size_t slash = named.find('/');
  const std::string name = named.substr(0, slash);
  if (!holds(parts_of(name).first))
    throw ConfigError(stage.entry.where + ": settings: \"" + text + "\" names no earlier stage");
  return slash == std::string::npos ? policy(name, stage)
                                    : of_stage(name, named.substr(slash + 1), stage);
}

}  // namespace gradus::rl
