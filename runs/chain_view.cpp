#include "runs/chain_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/quantity.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::runs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEval = "eval/";
constexpr const char* kRule = "eval/rewards/";

std::map<std::string, int64_t> row_counts(const fs::path& path) {
  std::map<std::string, int64_t> counts;
  if (!fs::exists(path)) return counts;
  const auto json = read_json(path);
  for (const char* key : {"input", "kept"}) counts[key] = json.value(key, int64_t{0});
  const auto dropped = json.value("dropped", nlohmann::json::object());
  for (const auto& [reason, count] : dropped.items())
    if (count.is_number_integer()) counts[reason] = count.get<int64_t>();
  return counts;
}

std::string state_of(const StageView& stage, bool is_held) {
  if (is_run(stage.path)) {
    const std::string state = read_run_or_reason(stage.path).state;
    return state == "finished" ? (is_held ? "running" : "killed") : state;
  }
  return is_held ? "running" : "killed";
}

StageView read_stage(const fs::path& chain, const std::string& name, bool is_held) {
  StageView stage;
  stage.name = name;
  stage.state = "waiting";
  stage.path = chain / "stages" / name;
  const fs::path record = chain / "chain" / (name + ".json");
  if (!fs::exists(record)) return stage;
  const auto json = read_json(record);
  stage.kind = json.value("kind", "");
  stage.gate = json.value("gate", "");
  stage.began = json.value("began", "");
  stage.ended = json.value("ended", "");
  if (json.contains("evaluation"))
    stage.evaluation = json["evaluation"].get<std::map<std::string, double>>();
  stage.state = json.value("state", "") == "done" ? "done" : state_of(stage, is_held);
  stage.rows = row_counts(stage.path / "counts.json");
  if (fs::exists(stage.path / "ledger.jsonl"))
    for (const auto& [part, total] : rl::read_ledger(stage.path / "ledger.jsonl"))
      stage.cost += total;
  return stage;
}

/// The evaluation's figures that some stage has, in the order of the table.
std::vector<std::string> figures_of(const ChainView& chain) {
  std::set<std::string> all;
  for (const StageView& stage : chain.stages)
    for (const auto& [name, value] : stage.evaluation) all.insert(name);
  std::vector<std::string> figures;
  const auto add_all = [&](const std::string& start) {
    for (const std::string& name : all)
      if (name.starts_with(start) && !name.ends_with("/failed") && !name.ends_with("/timed_out"))
        figures.push_back(name);
  };
  for (const char* start : {"eval/pass@", "eval/maj@", "eval/mean_length", "eval/clipped_ratio"})
    add_all(start);
  add_all(kRule);
  return figures;
}

std::string title_of(const std::string& figure) {
  if (figure.starts_with(kRule)) return figure.substr(std::string(kRule).size());
  if (figure == "eval/mean_length") return "length";
  if (figure == "eval/clipped_ratio") return "cut off";
  return figure.substr(std::string(kEval).size());
}

std::string value_of(const StageView& stage, const std::string& figure) {
  const auto found = stage.evaluation.find(figure);
  if (found == stage.evaluation.end()) return "-";
  return figure == "eval/mean_length" ? fmt::format("{:.1f}", found->second)
                                      : fmt::format("{:.3f}", found->second);
}

std::string accuracy_of(const StageView& stage) {
  const auto at = [&](const char* name) {
    const auto found = stage.evaluation.find(name);
    return found == stage.evaluation.end() ? 0.0 : found->second;
  };
  if (!stage.evaluation.contains("eval/accuracy")) return "-";
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", at("eval/accuracy"), at("eval/accuracy/low"),
                     at("eval/accuracy/high"));
}

std::vector<std::string> cost_cells(const rl::LedgerTotal& cost) {
  return {count_text(static_cast<double>(cost.tokens)),
          fmt::format("{:.4f}", cost.device_seconds / 3600.0),
          cost.money ? fmt::format("{:.4f}", *cost.money) : "-"};
}

}  // namespace

bool is_chain(const fs::path& path) {
  return fs::exists(path / "chain.json") && fs::is_directory(path / "stages");
}

std::optional<fs::path> find_chain(const std::string& name) {
  for (const fs::path& path : {fs::path(name), fs::path("runs") / name})
    if (is_chain(path)) return path;
  return std::nullopt;
}

ChainView read_chain(const fs::path& path) {
  if (!is_chain(path))
    throw FileError(path.string(), "missing", "is no chain's folder: chain.json is not there");
  const auto json = read_json(path / "chain.json");
  ChainView chain;
  chain.path = path;
  chain.name = json.value("name", path.filename().string());
  const bool held = is_held(path);
  for (const auto& name : json.value("stages", nlohmann::json::array()))
    if (name.is_string()) chain.stages.push_back(read_stage(path, name.get<std::string>(), held));
  return chain;
}

std::vector<std::vector<std::string>> chain_cells(const ChainView& chain) {
  const auto figures = figures_of(chain);
  std::vector<std::string> titles{"stage", "kind", "state", "accuracy"};
  for (const auto& figure : figures) titles.push_back(title_of(figure));
  for (const char* title : {"tokens", "device-hours", "money"}) titles.emplace_back(title);
  std::vector<std::vector<std::string>> cells{titles};
  rl::LedgerTotal total;
  for (const StageView& stage : chain.stages) {
    std::vector<std::string> row{stage.name, stage.kind, stage.state, accuracy_of(stage)};
    for (const auto& figure : figures) row.push_back(value_of(stage, figure));
    for (auto& cell : cost_cells(stage.cost)) row.push_back(std::move(cell));
    cells.push_back(std::move(row));
    total += stage.cost;
  }
  std::vector<std::string> sum{"together", "", "", ""};
  sum.resize(4 + figures.size());
  for (auto& cell : cost_cells(total)) sum.push_back(std::move(cell));
  cells.push_back(std::move(sum));
  return cells;
}

std::string chain_json(const ChainView& chain) {
  nlohmann::json stages = nlohmann::json::array();
  for (const StageView& stage : chain.stages)
    stages.push_back({{"name", stage.name},
                      {"kind", stage.kind},
                      {"state", stage.state},
                      {"gate", stage.gate},
                      {"began", stage.began},
                      {"ended", stage.ended},
                      {"evaluation", stage.evaluation},
                      {"rows", stage.rows},
                      {"device_seconds", stage.cost.device_seconds},
                      {"tokens", stage.cost.tokens},
                      {"flops", stage.cost.flops},
                      {"money", stage.cost.money ? nlohmann::json(*stage.cost.money) : nullptr}});
  return dump_json({{"name", chain.name}, {"dir", chain.path.string()}, {"stages", stages}});
}

}  // namespace gradus::runs
