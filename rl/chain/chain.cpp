#include "rl/chain/chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/settings/toml_text.h"
#include "rl/chain/chain_kind.h"
#include "rl/recipe/load.h"
#include "rl/stages/stage.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxRecipeBytes = int64_t{16} << 20;

/// "NAME:key=value": the stage and the assignment; no stage: a common setting.
std::pair<std::string, std::string> split_assignment(const std::string& assignment) {
  const size_t equal = assignment.find('=');
  const size_t colon = assignment.find(':');
  if (colon == std::string::npos || colon > equal) return {"", assignment};
  return {assignment.substr(0, colon), assignment.substr(colon + 1)};
}

bool is_good_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name[0] != '.' &&
         std::ranges::all_of(name, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
         });
}

void check_names(const std::vector<StageEntry>& entries) {
  std::set<std::string> names;
  for (const StageEntry& entry : entries) {
    if (!is_good_name(entry.name))
      throw ConfigError(fmt::format(
          "{}: name: is \"{}\", must be letters, digits, -, _ and dots, as a folder is called so",
          entry.where, entry.name));
    if (!names.insert(entry.name).second)
      throw ConfigError(
          fmt::format("{}: name: \"{}\" is an earlier stage's", entry.where, entry.name));
  }
}

/// Texts that name stages, resolved.
nlohmann::json resolved(const nlohmann::json& settings, const StageNames& names,
                        ChainStage& stage) {
  nlohmann::json result = settings;
  if (result.is_string()) return names.text(result.get<std::string>(), stage);
  if (result.is_structured())
    for (auto& entry : result) entry = resolved(entry, names, stage);
  return result;
}

std::vector<std::string> data_names(const StageEntry& entry) {
  const nlohmann::json& data = entry.data;
  if (data.is_string())
    return data == "" ? std::vector<std::string>{} : std::vector{data.get<std::string>()};
  std::vector<std::string> names;
  const bool is_list = data.is_array() && !data.empty() &&
                       std::ranges::all_of(data, [](const auto& name) { return name.is_string(); });
  if (!is_list) throw ConfigError(entry.where + ": data: must be a name or a list of names");
  for (const auto& name : data) names.push_back(name.get<std::string>());
  return names;
}

/// Rows that were made by a stage hold the prompt as it was put.
void take_data(ChainStage& stage, const StageNames& names) {
  const auto data = data_names(stage.entry);
  if (data.empty()) return;
  RunConfig& config = stage.config;
  std::vector<std::string> files;
  bool is_made = false;
  for (const std::string& name : data) {
    is_made = is_made || names.holds(name.substr(0, name.find(':')));
    files.push_back(names.rows(name, stage));
  }
  std::string path = files.front();
  if (files.size() > 1) {
    stage.rows = files;
    path = (stage.folder.parent_path().parent_path() / "chain" / (stage.entry.name + ".data.jsonl"))
               .string();
  }
  if (config.run.task == "pretrain") {
    config.text.path = path;
    return;
  }
  config.data.path = path;
  config.data.task.clear();
  config.data.options = nlohmann::json::object();
  config.data.count = 0;
  config.data.offset = 0;
  const auto& settings = stage.entry.settings;
  const bool has_template = settings.contains("data") && settings["data"].is_object() &&
                            settings["data"].contains("template");
  if (is_made && !has_template) config.data.template_text.clear();
}

void take_policies(ChainStage& stage, const StageNames& names) {
  const StageEntry& entry = stage.entry;
  RunConfig& config = stage.config;
  if (!entry.from.empty()) {
    config.model.path = names.policy(entry.from, stage);
    config.model.config.clear();
    config.model.tokenizer.clear();
  }
  const auto assign = [&](const char* key, const std::string& value) {
    try {
      apply_set(config, fmt::format("{}={}", key, value));
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}: {}", entry.where, error.what()));
    }
  };
  if (!entry.reference.empty()) {
    const bool is_stage = names.holds(entry.reference.substr(0, entry.reference.find(':')));
    assign("rl.reference", is_stage ? names.policy(entry.reference, stage) : entry.reference);
  }
  if (!entry.teacher.empty()) assign("distill.teacher", names.policy(entry.teacher, stage));
}

RunConfig settings_of(const ChainFile& file, ChainStage& stage, const StageNames& names,
                      const fs::path& folder) {
  const StageEntry& entry = stage.entry;
  RunConfig config = file.common;
  if (!entry.recipe.empty()) {
    fs::path recipe =
        fs::path(entry.recipe).is_absolute() ? fs::path(entry.recipe) : folder / entry.recipe;
    read_settings(config, read_file(recipe, kMaxRecipeBytes), recipe.string());
    resolve_paths(config, fs::absolute(recipe).parent_path());
  }
  if (!entry.settings.is_object()) throw ConfigError(entry.where + ": settings: must be a table");
  read_settings_json(config, resolved(entry.settings, names, stage), entry.where + ".settings");
  resolve_paths(config, folder);
  return config;
}

void check_gate(const ChainStage& stage, const StageNames& names, const Chain& chain) {
  const StageGate& gate = stage.entry.gate;
  if (gate.metric.empty()) {
    if (gate.max_fall || gate.at_least)
      throw ConfigError(stage.entry.where + ": gate.metric: is empty. Name what is compared");
    return;
  }
  if (!gate.max_fall && !gate.at_least)
    throw ConfigError(stage.entry.where + ": gate: has neither max_fall nor at_least");
  if (!chain.settings.evaluate || !chain.common.eval.has_problems())
    throw ConfigError(stage.entry.where +
                      ": gate: nothing is evaluated; set chain.evaluate and [eval.data]");
  if (stage.entry.kind != "eval" && !makes_answering_policy(stage))
    throw ConfigError(fmt::format(
        "{}: gate: a stage of kind {} leaves no policy that answers, so that nothing is evaluated "
        "after it. Leave the gate out",
        stage.entry.where, stage.entry.kind));
  const std::string& than = gate.than.empty() ? stage.entry.from : gate.than;
  if (gate.max_fall && !names.holds(than.substr(0, than.find(':'))))
    throw ConfigError(fmt::format(
        "{}: gate.than: \"{}\" is no earlier stage. Name one, or put a stage of kind eval before "
        "this one and name that",
        stage.entry.where, than));
}

ChainStage resolve_stage(const ChainFile& file, const StageEntry& entry, const StageNames& names,
                         const Chain& chain) {
  ChainStage stage;
  stage.entry = entry;
  stage.folder = chain.dir / "stages" / entry.name;
  stage.config = settings_of(file, stage, names, chain.folder);
  RunConfig& config = stage.config;
  const std::string task = task_of_kind(entry.kind);
  if (!task.empty()) config.run.task = task;
  take_policies(stage, names);
  take_data(stage, names);
  for (const std::string& assignment : chain.assignments) {
    const auto [name, rest] = split_assignment(assignment);
    if (name == entry.name || name == "*") apply_set(config, rest);
  }
  resolve_paths(config, fs::current_path());
  config.run.name = entry.name;
  config.run.dir = stage.folder.string();
  fill_in(config);
  if (!task.empty())
    check(config, entry.where);
  else
    chain_kinds().at(entry.kind).prepare(stage, names);
  return stage;
}

void check_assignments(const Chain& chain, const ChainFile& file) {
  for (const std::string& assignment : chain.assignments) {
    const auto name = split_assignment(assignment).first;
    const bool is_known =
        name.empty() || name == "*" ||
        std::ranges::any_of(file.stages, [&](const auto& entry) { return entry.name == name; });
    if (!is_known)
      throw ConfigError(fmt::format("--set {}: there is no stage \"{}\"", assignment, name));
  }
}

}  // namespace

bool is_chain(const fs::path& recipe) {
  return parse_toml(read_file(recipe, kMaxRecipeBytes), recipe.string()).values.contains("stages");
}

Chain load_chain(ChainSource source) {
  ChainFile file;
  file.common.run.steps = kStepsNotGiven;
  read_settings(file, source.recipe, source.source);
  if (file.stages.empty())
    throw ConfigError(source.source +
                      ": stages: there is none. Add [[stages]], or run the recipe with "
                      "`gradus train`");
  resolve_paths(file.common, source.folder);
  for (const std::string& assignment : source.assignments)
    if (split_assignment(assignment).first.empty()) apply_set(file, assignment);
  resolve_paths(file.common, fs::current_path());
  check_names(file.stages);
  Chain chain;
  chain.recipe = std::move(source.recipe);
  chain.source = source.source;
  chain.folder = source.folder;
  chain.assignments = std::move(source.assignments);
  chain.settings = file.chain;
  chain.common = file.common;
  if (source.dir.empty()) source.dir = chain.common.run.dir;
  if (source.dir.empty()) source.dir = fs::path("runs") / chain.common.run.name;
  chain.dir = fs::absolute(source.dir).lexically_normal();
  check_assignments(chain, file);
  StageNames names(chain.dir, chain.folder);
  for (const StageEntry& entry : file.stages) {
    chain.stages.push_back(resolve_stage(file, entry, names, chain));
    names.add(entry.name);
  }
  // The stage itself is no earlier one: gates are checked with the names before it.
  StageNames before(chain.dir, chain.folder);
  for (const ChainStage& stage : chain.stages) {
    check_gate(stage, before, chain);
    before.add(stage.entry.name);
  }
  return chain;
}

Chain load_chain(const fs::path& recipe, std::span<const std::string> assignments,
                 const fs::path& dir) {
  ChainSource source;
  source.recipe = read_file(recipe, kMaxRecipeBytes);
  source.source = recipe.string();
  source.folder = fs::absolute(recipe).parent_path();
  source.assignments.assign(assignments.begin(), assignments.end());
  source.dir = dir;
  return load_chain(std::move(source));
}

Chain open_chain(const fs::path& dir, std::span<const std::string> assignments) {
  const fs::path noted = dir / "chain.json";
  if (!fs::exists(noted))
    throw FileError(dir.string(), "missing", "is no chain's folder: it has no chain.json");
  const auto json = read_json(noted);
  ChainSource source;
  source.recipe = read_file(dir / "recipe.toml", kMaxRecipeBytes);
  source.source = (dir / "recipe.toml").string();
  source.folder = json.value("folder", "");
  source.assignments = json.value("assignments", std::vector<std::string>{});
  source.assignments.insert(source.assignments.end(), assignments.begin(), assignments.end());
  source.dir = dir;
  return load_chain(std::move(source));
}

}  // namespace gradus::rl
