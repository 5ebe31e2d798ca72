#include "runs/cost/bill.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/settings/setting.h"
#include "rl/run/lives.h"
#include "rl/stages/run_config.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::runs {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxRecipeFileBytes = int64_t{64} << 20;

/// The ledger's stages that are rows of their own, whatever the run's kind is.
constexpr std::array kOwnRows{
    std::pair{"evaluate", "Evaluation"}, std::pair{"load", "Start-up"},
    std::pair{"save", "Checkpoints"},    std::pair{"report", "Reports"},
    std::pair{"idle", "Idle"},           std::pair{"graders", "Grader devices"},
    std::pair{"lost", "Repeated work"},  std::pair{"killed", "Killed"}};

constexpr std::array kKinds{std::pair{"pretrain", "Pre-training"},
                            std::pair{"sft", "Supervised fine-tuning"},
                            std::pair{"grpo", "Reinforcement learning"},
                            std::pair{"rl", "Reinforcement learning"},
                            std::pair{"rejection_sample", "Data sampling"},
                            std::pair{"distill", "Distillation"},
                            std::pair{"preference", "Preference training"},
                            std::pair{"reward_model", "Reward model"},
                            std::pair{"eval", "Evaluation"},
                            std::pair{"export", "Export"},
                            std::pair{"merge", "Merge"}};

bool is_lost(const std::string& part) {
  return part == "lost" || part == "killed";
}

const char* own_row(const std::string& part) {
  for (const auto& [key, name] : kOwnRows)
    if (part == key) return name;
  return nullptr;
}

/// A run's recipe as far as this version knows it.
rl::RunConfig config_of(const fs::path& run) {
  rl::RunConfig config;
  try {
    read_settings(config, read_file(run / "recipe.toml", kMaxRecipeFileBytes), "recipe.toml");
  } catch (const Error&) {  // of another version, or gone: the ledger tells its own
  }
  return config;
}

struct ReadRun {
  StageBill bill;
  std::vector<rl::Life> lives;
  std::string currency;
  rl::LedgerConfig ledger;

  double seconds() const {
    double sum = 0.0;
    for (const auto& [part, total] : bill.parts) sum += total.seconds;
    return sum;
  }
};

ReadRun read_run_bill(const fs::path& run) {
  const rl::RunConfig config = config_of(run);
  ReadRun read{{"", config.run.task, {}}, {}, config.ledger.currency, config.ledger};
  std::vector<rl::LedgerLine> lines;
  if (fs::exists(run / "ledger.jsonl")) lines = rl::read_ledger_lines(run / "ledger.jsonl");
  for (const rl::LedgerLine& line : lines) {
    read.bill.parts[line.stage] += line.total;
    read.currency = line.currency;
  }
  read.lives = rl::read_lives(run / "lives.jsonl");
  const bool goes_on = is_held(run);
  for (const auto& [number, seconds] : rl::uncovered_seconds(lines, read.lives)) {
    const auto life = std::ranges::find(read.lives, number, &rl::Life::number);
    const bool is_killed = !life->is_over && !(goes_on && &*life == &read.lives.back());
    const std::string part = is_killed ? "killed" : "idle";
    read.bill.parts[part] +=
        rl::priced({part, 0, seconds, seconds * config.ledger.devices}, config.ledger);
  }
  return read;
}

/// Names that stand in chain.json, in order.
std::vector<std::string> listed_names(const fs::path& chain) {
  std::vector<std::string> names;
  if (!fs::exists(chain / "chain.json")) return names;
  const auto json = read_json(chain / "chain.json", kMaxRecipeFileBytes);
  const auto stages = json.find("stages");
  if (stages == json.end() || !stages->is_array()) return names;
  for (const auto& stage : *stages) {
    if (stage.is_string()) names.push_back(stage.get<std::string>());
    if (stage.is_object() && stage.contains("name") && stage["name"].is_string())
      names.push_back(stage["name"].get<std::string>());
  }
  return names;
}

double begin_of(const ReadRun& run) {
  return run.lives.empty() ? 0.0 : run.lives.front().begun;
}

/// Time that a chain's processes had it and no stage's run did: by the chain's own lives.jsonl,
/// else by the gaps between runs of one process.
double seconds_between(const fs::path& chain, const std::vector<ReadRun>& runs) {
  if (const auto lives = rl::read_lives(chain / "lives.jsonl"); !lives.empty()) {
    double seconds = 0.0;
    for (const rl::Life& life : lives) seconds += life.lasted;
    for (const ReadRun& run : runs) seconds -= run.seconds();
    return std::max(0.0, seconds);
  }
  std::vector<rl::Life> lives;
  for (const ReadRun& run : runs) lives.insert(lives.end(), run.lives.begin(), run.lives.end());
  std::ranges::sort(lives, {}, &rl::Life::begun);
  double seconds = 0.0;
  for (size_t i = 1; i < lives.size(); ++i)
    if (lives[i].pid == lives[i - 1].pid)
      seconds += std::max(0.0, lives[i].begun - lives[i - 1].begun - lives[i - 1].lasted);
  return seconds;
}

/// The kind that a chain's record of the stage says; else that of its run.
std::string kind_in_chain(const fs::path& chain, const StageBill& stage) {
  const fs::path record = chain / "chain" / (stage.name + ".json");
  if (!fs::exists(record)) return stage.kind;
  return read_json(record, kMaxRecipeFileBytes).value("kind", stage.kind);
}

std::vector<ReadRun> runs_below(const fs::path& folder) {
  std::vector<ReadRun> runs;
  if (!fs::is_directory(folder)) return runs;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!is_run(entry.path()) && !fs::exists(entry.path() / "ledger.jsonl")) continue;
    runs.push_back(read_run_bill(entry.path()));
    runs.back().bill.name = entry.path().filename().string();
  }
  return runs;
}

Bill bill_of_chain(const fs::path& chain) {
  std::vector<ReadRun> runs = runs_below(chain / "stages");
  for (ReadRun& run : runs) run.bill.kind = kind_in_chain(chain, run.bill);
  const auto names = listed_names(chain);
  const auto place = [&](const ReadRun& run) {
    return std::pair(std::ranges::find(names, run.bill.name) - names.begin(), begin_of(run));
  };
  std::ranges::stable_sort(runs,
                           [&](const ReadRun& a, const ReadRun& b) { return place(a) < place(b); });
  Bill bill;
  if (runs.empty()) return bill;
  bill.currency = runs.front().currency;
  auto all = runs;
  for (ReadRun& run : runs_below(chain / "replaced")) {
    bill.replaced += run.bill.work();
    bill.replaced += run.bill.lost();
    all.push_back(std::move(run));
  }
  const double between = seconds_between(chain, all);
  const rl::LedgerConfig& ledger = runs.front().ledger;
  if (between > 0.0)
    bill.between = rl::priced({"between", 0, between, between * ledger.devices}, ledger);
  for (ReadRun& run : runs) bill.stages.push_back(std::move(run.bill));
  return bill;
}

}  // namespace

rl::LedgerTotal StageBill::work() const {
  rl::LedgerTotal sum;
  for (const auto& [part, total] : parts)
    if (!is_lost(part)) sum += total;
  return sum;
}

rl::LedgerTotal StageBill::lost() const {
  rl::LedgerTotal sum;
  for (const auto& [part, total] : parts)
    if (is_lost(part)) sum += total;
  return sum;
}

rl::LedgerTotal Bill::lost() const {
  rl::LedgerTotal sum = between;
  sum += replaced;
  for (const StageBill& stage : stages) sum += stage.lost();
  return sum;
}

rl::LedgerTotal Bill::total() const {
  rl::LedgerTotal sum = lost();
  for (const StageBill& stage : stages) sum += stage.work();
  return sum;
}

std::vector<BillRow> Bill::rows() const {
  std::vector<BillRow> rows;
  const auto add = [&rows](const std::string& name, const rl::LedgerTotal& total) {
    auto row = std::ranges::find(rows, name, &BillRow::name);
    if (row == rows.end()) row = rows.insert(rows.end(), BillRow{name, {}});
    row->total += total;
  };
  for (const StageBill& stage : stages)
    for (const auto& [part, total] : stage.parts)
      if (own_row(part) == nullptr) add(row_name(stage.kind), total);
  for (const auto& [key, name] : kOwnRows)
    for (const StageBill& stage : stages)
      if (const auto part = stage.parts.find(key); part != stage.parts.end())
        add(name, part->second);
  if (replaced.seconds > 0.0) add("Replaced stages", replaced);
  if (between.seconds > 0.0) add("Between stages", between);
  return rows;
}

std::string row_name(const std::string& kind) {
  for (const auto& [key, name] : kKinds)
    if (kind == key) return name;
  return kind;
}

bool has_stages(const fs::path& path) {
  return fs::is_directory(path / "stages");
}

Bill read_bill(const fs::path& path) {
  if (has_stages(path)) return bill_of_chain(path);
  if (!is_run(path))
    throw FileError(path.string(), "missing",
                    "holds neither a run (recipe.toml, status.json) nor a chain (stages/)");
  ReadRun run = read_run_bill(path);
  run.bill.name = run.bill.kind;
  return {{std::move(run.bill)}, {}, {}, run.currency};
}

}  // namespace gradus::runs
