#include "rl/chain/run_chain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "rl/chain/chain_kind.h"
#include "rl/chain/gate.h"
#include "rl/chain/policy_evaluation.h"
#include "rl/chain/stage_ledger.h"
#include "rl/chain/stage_record.h"
#include "rl/recipe/train.h"
#include "rl/run/lives.h"
#include "rl/run/run_directory.h"
#include "rl/stages/stage.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

/// What keeps a chain's folder for one process, and what it notes of itself.
class ChainFolder {
 public:
  ChainFolder(const Chain& chain, const ChainEnvironment& environment) {
    if (fs::exists(chain.dir / "checkpoints"))
      throw FileError(chain.dir.string(), "run_exists",
                      "holds a single run; name another folder for the chain (--run-dir)");
    for (const char* folder : {"stages", "chain"}) fs::create_directories(chain.dir / folder);
    lock_ = lock_folder(chain.dir);
    nlohmann::json names = nlohmann::json::array();
    for (const ChainStage& stage : chain.stages) names.push_back(stage.entry.name);
    write_file_atomically(chain.dir / "recipe.toml", chain.recipe);
    write_file_atomically(chain.dir / "chain.json",
                          dump_json({{"stages", std::move(names)},
                                     {"name", chain.common.run.name},
                                     {"folder", chain.folder.string()},
                                     {"source", chain.source},
                                     {"assignments", chain.assignments}}) +
                              "\n");
    life_ = std::make_unique<LifeKeeper>(chain.dir / "lives.jsonl", environment.clock,
                                         environment.begun_s.value_or(environment.clock.now_s()));
  }

 private:
  FileDescriptor lock_;
  std::unique_ptr<LifeKeeper> life_;  ///< what the chain's own time is counted by
};

/// Whether the run of a stage came to its end, and only what follows it did not.
bool is_finished(const fs::path& run) {
  const fs::path status = run / "status.json";
  return fs::exists(status) && read_json(status).value("state", "") == "finished";
}

/// One stage on its way: begun, run, evaluated, done.
class StageRunner {
 public:
  StageRunner(const Chain& chain, const ChainStage& stage, const ChainEnvironment& environment)
      : chain_(chain),
        stage_(stage),
        environment_(environment),
        kind_(chain_kinds().find(stage.entry.kind)),
        path_(record_path(chain, stage.entry.name)),
        record_(read_stage_record(path_)) {}

  /// False: it was stopped.
  bool run(bool is_forced) {
    check_needs();
    join_rows();
    const auto inputs = inputs_of(stage_);
    std::string why;
    if (!record_.name.empty()) {
      const auto changes = changes_between(record_.inputs, inputs);
      if (record_.is_done && changes.empty() && !is_forced) {
        environment_.watcher.on_skip(stage_);
        return true;
      }
      if (is_forced && (record_.is_done || !changes.empty())) {
        why = "asked for";
      } else {
        why = fmt::format("{}", fmt::join(changes, "; "));
      }
      if (!why.empty()) set_aside();
    }
    const bool goes_on = !record_.name.empty();
    environment_.watcher.on_begin(stage_, goes_on ? "goes on" : why);
    begin(inputs);
    if (!work() || !evaluate()) return false;
    judge();
    end();
    return true;
  }

  /// The gate of a stage that is done; empty: it may go on.
  std::string gate_failure() const {
    const bool is_over = stage_.entry.gate.otherwise == GateAction::stop;
    return is_over && record_.gate != "passed" ? record_.gate : "";
  }

 private:
  void check_needs() const {
    for (const std::string& name : stage_.needs)
      if (!read_stage_record(record_path(chain_, name)).is_done)
        throw FileError(record_path(chain_, name).string(), "missing",
                        fmt::format("stage \"{}\" needs stage \"{}\", which is not done; run "
                                    "that first (without --only)",
                                    stage_.entry.name, name));
  }

  // Several files of rows become one, in the order in which they are named.
  void join_rows() const {
    if (stage_.rows.empty()) return;
    AtomicFile file(stage_.config.run.task == "pretrain" ? stage_.config.text.path
                                                         : stage_.config.data.path);
    for (const std::string& rows : stage_.rows) {
      LineReader reader(rows);
      while (const auto line = reader.next()) file.write(std::string(line->text) + "\n");
    }
    file.commit();
  }

  /// What was there is kept: it was paid for.
  void set_aside() {
    if (fs::exists(stage_.folder)) {
      fs::create_directories(chain_.dir / "replaced");
      int number = 1;
      fs::path place;
      do {
        place = chain_.dir / "replaced" / fmt::format("{}-{}", stage_.entry.name, number++);
      } while (fs::exists(place));
      fs::rename(stage_.folder, place);
    }
    fs::remove(path_);
    record_ = {};
  }

  void begin(const nlohmann::json& inputs) {
    if (record_.name.empty()) record_.began = utc_now();
    record_.name = stage_.entry.name;
    record_.kind = stage_.entry.kind;
    record_.is_done = false;
    record_.inputs = inputs;
    write_stage_record(path_, record_);
  }

  bool work() {
    if (environment_.prepare_process) environment_.prepare_process(stage_.config);
    RunObserver& observer = environment_.watcher.run_observer(stage_);
    if (kind_ != nullptr) {
      StageRunEnvironment environment{observer, environment_.stop, environment_.clock};
      fs::create_directories(stage_.folder);
      const double begin = environment.clock.now_s();
      const bool is_whole = kind_->run(stage_, chain_, environment);
      const double seconds = environment.clock.now_s() - begin;
      if (kind_->makes_files)
        enter_stage_cost(stage_.folder / "ledger.jsonl",
                         {is_whole ? "save" : "lost", 0, seconds, seconds}, stage_.config.ledger);
      return is_whole;
    }
    const RunEnvironment environment{observer, environment_.stop, environment_.clock,
                                     environment_.wants_checkpoint};
    if (is_finished(stage_.folder)) return true;  // killed after it
    const bool has_begun = fs::exists(stage_.folder / "recipe.toml") && has_steps(stage_.folder);
    const RunOutcome outcome = has_begun ? resume(stage_.folder, {{}, false}, environment)
                                         : train(stage_.config, environment);
    return outcome.phase == RunPhase::finished;
  }

  bool evaluate() {
    const bool is_wanted = chain_.settings.evaluate && chain_.common.eval.has_problems();
    const bool is_eval = stage_.entry.kind == "eval";
    if (!is_eval && (!is_wanted || !makes_answering_policy(stage_))) return true;
    // The same problems, rules and extractor for all; an eval stage may have its own.
    RunConfig config = is_eval ? stage_.config : chain_.common;
    const fs::path policy = is_eval ? fs::path(stage_.config.model.path) : stage_.folder / "final";
    StageRunEnvironment environment{environment_.watcher.run_observer(stage_), environment_.stop,
                                    environment_.clock};
    auto figures =
        evaluate_policy(std::move(config), policy, stage_.folder / "ledger.jsonl",
                        chain_.dir / "chain" / (stage_.entry.name + ".eval.jsonl"), environment);
    if (!figures) return false;
    record_.evaluation = std::move(*figures);
    return true;
  }

  void judge() {
    const StageGate& gate = stage_.entry.gate;
    if (gate.metric.empty()) return;
    const std::string& named = gate.than.empty() ? stage_.entry.from : gate.than;
    const std::string than = named.substr(0, named.find(':'));
    std::map<std::string, double> before;
    if (gate.max_fall) before = read_stage_record(record_path(chain_, than)).evaluation;
    const std::string failure = gate_failure_of(gate, than, record_.evaluation, before);
    record_.gate = failure.empty() ? "passed" : failure;
    if (!failure.empty())
      environment_.watcher.on_warning(
          fmt::format("stage {}: its gate did not open: {}", stage_.entry.name, failure));
  }

  void end() {
    record_.is_done = true;
    record_.ended = utc_now();
    write_stage_record(path_, record_);
    environment_.watcher.on_end(stage_, record_.evaluation);
  }

  const Chain& chain_;
  const ChainStage& stage_;
  const ChainEnvironment& environment_;
  const ChainKind* kind_;  ///< null: a run of steps
  fs::path path_;
  StageRecord record_;
};

void check_options(const Chain& chain, const ChainOptions& options) {
  std::vector<std::string> named = options.only;
  if (!options.from.empty()) named.push_back(options.from);
  for (const std::string& name : named)
    if (std::ranges::none_of(chain.stages, [&](const auto& s) { return s.entry.name == name; })) {
      std::vector<std::string> names;
      for (const ChainStage& stage : chain.stages) names.push_back(stage.entry.name);
      throw ConfigError(
          fmt::format("there is no stage \"{}\"; there are {}", name, fmt::join(names, ", ")));
    }
}

}  // namespace

ChainOutcome run_chain(const Chain& chain, const ChainOptions& options,
                       const ChainEnvironment& environment) {
  check_options(chain, options);
  const ChainFolder folder(chain, environment);
  bool is_forced = false;
  for (const ChainStage& stage : chain.stages) {
    const std::string& name = stage.entry.name;
    is_forced = is_forced || name == options.from;
    if (!options.only.empty() && std::ranges::find(options.only, name) == options.only.end())
      continue;
    if (environment.stop.stop_requested()) return {false, name, ""};
    StageRunner runner(chain, stage, environment);
    if (!runner.run(is_forced)) return {false, name, ""};
    if (const auto failure = runner.gate_failure(); !failure.empty()) return {false, name, failure};
  }
  return {};
}

}  // namespace gradus::rl
