#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/process/own_process.h"
#include "base/settings/setting.h"
#include "cli/commands/command_record.h"
#include "cli/commands/runs/chain_table.h"
#include "cli/model_options.h"
#include "cli/train_display.h"
#include "rl/chain/run_chain.h"
#include "runs/chain_view.h"
#include "runs/report/chain_report.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

struct RunOptions {
  std::string recipe;
  std::string resume;
  std::string run_dir;
  std::vector<std::string> settings;
  rl::ChainOptions stages;
  bool is_dry = false;
  bool as_json = false;
};

/// Stages as a person watches them, each with the display of its own run.
class ChainDisplay final : public rl::ChainWatcher {
 public:
  ChainDisplay(bool as_json, const Clock& clock, Session& session)
      : as_json_(as_json), clock_(clock), session_(session) {}

  void on_skip(const rl::ChainStage& stage) override {
    display_.reset();
    if (as_json_) return event("skipped", stage, {});
    session_.out << fmt::format("== {} ({}): unchanged\n", stage.entry.name, stage.entry.kind);
  }

  void on_begin(const rl::ChainStage& stage, const std::string& why) override {
    display_.reset();
    if (as_json_) return event("begun", stage, {{"reason", why}});
    session_.out << fmt::format("== {} ({}){}\n", stage.entry.name, stage.entry.kind,
                                why.empty() ? "" : ": " + why)
                 << std::flush;
  }

  rl::RunObserver& run_observer(const rl::ChainStage& stage) override {
    if (!display_) display_ = make_display(as_json_, stage.config.run.steps, clock_, session_);
    return *display_;
  }

  void on_end(const rl::ChainStage& stage, const std::map<std::string, double>& figures) override {
    display_.reset();
    if (as_json_) return event("done", stage, {{"evaluation", figures}});
    const auto accuracy = figures.find("eval/accuracy");
    if (accuracy == figures.end()) return;
    session_.out << fmt::format("   {}: accuracy {:.4f} [{:.4f}, {:.4f}]\n", stage.entry.name,
                                accuracy->second, figures.at("eval/accuracy/low"),
                                figures.at("eval/accuracy/high"))
                 << std::flush;
  }

  void on_warning(const std::string& message) override {
    if (as_json_)
      session_.out << dump_json({{"event", "warning"}, {"message", message}}) << std::endl;
    else
      session_.err << "warning: " << message << "\n";
  }

 private:
  void event(const char* what, const rl::ChainStage& stage, nlohmann::json more) {
    nlohmann::json json{{"event", std::string("stage_") + what},
                        {"stage", stage.entry.name},
                        {"kind", stage.entry.kind}};
    json.update(more);
    session_.out << dump_json(json) << std::endl;
  }

  bool as_json_;
  const Clock& clock_;
  Session& session_;
  std::unique_ptr<rl::RunObserver> display_;  ///< of the stage that runs
};

rl::Chain chain_of(const RunOptions& options) {
  if (options.recipe.empty() == options.resume.empty())
    throw ArgumentError("run: give either a RECIPE with [[stages]] or --resume DIR");
  if (!options.resume.empty()) {
    if (!options.run_dir.empty())
      throw ArgumentError("run: --run-dir is for new chains; a resumed one stays where it is");
    return rl::open_chain(options.resume, options.settings);
  }
  return rl::load_chain(fs::path(options.recipe), options.settings, options.run_dir);
}

void dry_run(const rl::Chain& chain, bool as_json, Session& session) {
  nlohmann::json stages = nlohmann::json::array();
  for (const auto& stage : chain.stages) {
    if (as_json) {
      stages.push_back({{"name", stage.entry.name},
                        {"kind", stage.entry.kind},
                        {"needs", stage.needs},
                        {"recipe", settings_json(stage.config)}});
      continue;
    }
    session.out << fmt::format("# {} ({})\n", stage.entry.name, stage.entry.kind)
                << to_toml(stage.config) << "\n";
  }
  if (as_json) session.out << dump_json({{"dir", chain.dir.string()}, {"stages", stages}}) << "\n";
}

void say_how_it_ended(const rl::Chain& chain, const rl::ChainOutcome& outcome, bool as_json,
                      Session& session) {
  const auto report = runs::write_chain_report(chain.dir);
  if (as_json) {
    session.out << dump_json({{"event", outcome.is_finished ? "finished" : "stopped"},
                              {"stage", outcome.stopped_in},
                              {"reason", outcome.reason},
                              {"run_dir", chain.dir.string()},
                              {"report", report.string()}})
                << std::endl;
    return;
  }
  session.out << "\n" << chain_text(runs::read_chain(chain.dir)) << "\n";
  if (outcome.is_finished)
    session.out << "finished: " << chain.dir.string() << "\n";
  else if (!outcome.reason.empty())
    session.out << fmt::format("ended after stage {}: {}\n", outcome.stopped_in, outcome.reason);
  else
    session.out << fmt::format("stopped in stage {}; go on with: gradus run --resume {}\n",
                               outcome.stopped_in, chain.dir.string());
  session.out << "report: " << report.string() << "\n";
}

void run(const RunOptions& options, Session& session) {
  const rl::Chain chain = chain_of(options);
  if (options.is_dry) return dry_run(chain, options.as_json, session);
  const SteadyClock clock;
  ChainDisplay display(options.as_json, clock, session);
  const rl::ChainEnvironment environment{
      display,
      session.stop,
      clock,
      [](const rl::RunConfig& config) { use_threads(config.model, config.run.threads); },
      session.wants_checkpoint,
      clock.now_s() - process_age_s()};
  const auto outcome = rl::run_chain(chain, options.stages, environment);
  say_how_it_ended(chain, outcome, options.as_json, session);
  if (!outcome.is_finished) session.exit_code = outcome.reason.empty() ? kInterrupted : kFailed;
}

void declare_run(Command app, Session& session) {
  auto options = std::make_shared<RunOptions>();
  app.add_option("recipe", options->recipe,
                 "TOML file with [[stages]]; `gradus help recipe` lists its keys");
  app.add_option("--resume", options->resume, "go on with the chain in this folder");
  app.add_option("--run-dir", options->run_dir, "folder of the chain; default: run.dir, runs/NAME");
  app.add_option("--set", options->settings,
                 "change a setting of all stages (rl.kl_coef=0.01, where a stage has no own), of "
                 "one (NAME:rl.kl_coef=0.01), or of every one (*:run.steps=2); repeatable")
      .one_each();
  app.add_option("--from", options->stages.from, "do this stage and all after it again");
  app.add_option("--only", options->stages.only, "do this stage alone; repeatable").one_each();
  app.add_flag("--dry-run", options->is_dry, "check everything, print the stages' recipes");
  app.add_flag("--json", options->as_json, "progress as JSON lines");
  app.callback([options, &session] { run(*options, session); });
}

}  // namespace

extern const CommandRecord kRunCommand{
    "", "run", "run a recipe's chain of stages, or go on with one", declare_run};

}  // namespace gradus::cli
