#include "rl/chain/stage_record.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/version.h"
#include "rl/chain/chain_kind.h"
#include "rl/recipe/changes.h"
#include "rl/recipe/input_files.h"
#include "rl/run/file_sum.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

/// "0.1" of "0.1.0": versions of one kind give the same results.
std::string version_class() {
  const std::string version = kVersion;
  return version.substr(0, version.rfind('.'));
}

/// Absolute paths by their last part: what lies there is known by its sum.
nlohmann::json without_places(const nlohmann::json& value) {
  if (value.is_string()) {
    const fs::path path = value.get<std::string>();
    return path.is_absolute() ? nlohmann::json(path.filename().string()) : value;
  }
  nlohmann::json result = value;
  if (result.is_structured())
    for (auto& entry : result) entry = without_places(entry);
  return result;
}

/// {setting: {name of the file: {bytes, crc64}}}
nlohmann::json sums_by_name(const nlohmann::json& fingerprint) {
  nlohmann::json all = nlohmann::json::object();
  for (const auto& [setting, files] : fingerprint.items()) {
    if (setting == "recipe") continue;
    for (const auto& [path, sum] : files.items())
      all[setting][fs::path(path).filename().string()] = sum;
  }
  return all;
}

void add_sums(nlohmann::json& all, const fs::path& path) {
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.is_regular_file()) add_sums(all, entry.path());
    return;
  }
  const FileSum sum = sum_of_file(path);
  all[path.filename().string()] = {{"bytes", sum.num_bytes}, {"crc64", sum.crc64}};
}

nlohmann::json own_settings_of(const ChainStage& stage) {
  const ChainKind* kind = chain_kinds().find(stage.entry.kind);
  if (kind == nullptr || kind->own == nullptr) return nlohmann::json::object();
  RecordSettings own = stage.entry.own;
  return fields_to_json(own.fields_of(kind->name));
}

RunConfig settings_of(const nlohmann::json& inputs) {
  RunConfig config;
  read_settings_json(config, inputs.at("settings"), "chain");
  config.run.dir.clear();
  config.run.name.clear();
  return config;
}

/// Free to change while a run goes on; a finished one would have ended elsewhere, or have kept
/// another checkpoint as its best.
bool decides_the_end(const std::string& key) {
  static const std::set<std::string> keys{"run.steps",       "run.epochs",    "run.stop_when",
                                          "run.best_metric", "run.best_mode", "run.keep_best"};
  return keys.contains(key) || key.starts_with("run.plateau.");
}

void compare_recipes(const nlohmann::json& was, const nlohmann::json& is,
                     std::vector<std::string>& changes) {
  try {
    const RunConfig before = settings_of(was);
    const RunConfig now = settings_of(is);
    auto differences = compare_settings(before, now);
    std::set<std::string> that_matter;
    for (const auto& difference : differences_that_matter(before, now))
      that_matter.insert(difference.key);
    std::erase_if(differences, [&](const SettingDifference& difference) {
      return !that_matter.contains(difference.key) && !decides_the_end(difference.key);
    });
    for (const auto& difference : differences)
      if (without_places(difference.left) != without_places(difference.right))
        changes.push_back(fmt::format("{}: was {}, is {}", difference.key, difference.left.dump(),
                                      difference.right.dump()));
  } catch (const ConfigError&) {
    changes.emplace_back("its settings are those of another version");
  }
}

void compare_files(const nlohmann::json& was, const nlohmann::json& is,
                   std::vector<std::string>& changes) {
  for (const auto& [setting, files] : is.items())
    if (!was.contains(setting) || was[setting] != files)
      changes.push_back(fmt::format("{}: other files", setting));
  for (const auto& [setting, files] : was.items())
    if (!is.contains(setting)) changes.push_back(fmt::format("{}: no files any more", setting));
}

}  // namespace

fs::path record_path(const Chain& chain, const std::string& stage) {
  return chain.dir / "chain" / (stage + ".json");
}

StageRecord read_stage_record(const fs::path& path) {
  StageRecord record;
  if (!fs::exists(path)) return record;
  const auto json = read_json(path);
  try {
    record.name = json.at("name").get<std::string>();
    record.kind = json.at("kind").get<std::string>();
    record.is_done = json.at("state") == "done";
    record.inputs = json.at("inputs");
    record.evaluation = json.at("evaluation").get<std::map<std::string, double>>();
    record.gate = json.at("gate").get<std::string>();
    record.began = json.at("began").get<std::string>();
    record.ended = json.at("ended").get<std::string>();
  } catch (const nlohmann::json::exception&) {
    throw FileError(path.string(), "bad_record",
                    "is no stage's record; remove it, and the stage is done again");
  }
  return record;
}

void write_stage_record(const fs::path& path, const StageRecord& record) {
  write_file_atomically(path, dump_json({{"name", record.name},
                                         {"kind", record.kind},
                                         {"state", record.is_done ? "done" : "running"},
                                         {"inputs", record.inputs},
                                         {"evaluation", record.evaluation},
                                         {"gate", record.gate},
                                         {"began", record.began},
                                         {"ended", record.ended}}) +
                                  "\n");
}

nlohmann::json inputs_of(const ChainStage& stage) {
  nlohmann::json files = sums_by_name(fingerprint_inputs(stage.config));
  // What settings of a kind's own name is in none of the recipe's.
  nlohmann::json& from_stages = files["stages"] = nlohmann::json::object();
  for (const fs::path& input : stage.inputs) {
    if (!fs::exists(input))
      throw FileError(input.string(), "missing", "was not made by the stage before");
    add_sums(from_stages[input.parent_path().filename().string()], input);
  }
  return {{"program", version_class()},
          {"kind", stage.entry.kind},
          {"settings", settings_json(stage.config)},
          {"own", without_places(own_settings_of(stage))},
          {"files", std::move(files)}};
}

std::vector<std::string> changes_between(const nlohmann::json& was, const nlohmann::json& is) {
  std::vector<std::string> changes;
  for (const char* key : {"program", "kind", "own"})
    if (was.value(key, nlohmann::json()) != is.at(key))
      changes.push_back(fmt::format("{}: was {}, is {}", key,
                                    was.value(key, nlohmann::json()).dump(), is.at(key).dump()));
  compare_recipes(was, is, changes);
  compare_files(was.value("files", nlohmann::json::object()), is.at("files"), changes);
  return changes;
}

}  // namespace gradus::rl
