#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <ostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/settings/setting.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "cli/train_display.h"
#include "rl/recipe/load.h"
#include "rl/recipe/train.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

struct DataSampleOptions {
  std::string recipe;
  std::string model;
  std::string run_dir;
  std::vector<std::string> settings;
};

/// A recipe of any task, as one that samples.
rl::RunConfig sampling_recipe(const DataSampleOptions& options) {
  std::vector<std::string> settings{"run.task=rejection_sample"};
  if (!options.model.empty()) settings.push_back("model.path=" + checkpoint_path(options.model));
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  rl::RunConfig config = rl::load_run_config(options.recipe, settings);
  config.run.dir = fs::absolute(options.run_dir).lexically_normal().string();
  config.run.eval_every = 0;
  return config;
}

void sample_rows(const DataSampleOptions& options, Session& session) {
  const SteadyClock clock;
  const auto display_of = [&](int64_t steps) { return make_display(false, steps, clock, session); };
  rl::RunOutcome outcome;
  if (fs::exists(fs::path(options.run_dir) / "status.json")) {
    const auto display = display_of(0);
    const rl::RunEnvironment environment{*display, session.stop, clock, session.wants_checkpoint};
    outcome = rl::resume(options.run_dir, {}, environment);
  } else {
    const rl::RunConfig config = sampling_recipe(options);
    use_threads(config.model, config.run.threads);
    const auto display = display_of(config.run.steps);
    const rl::RunEnvironment environment{*display, session.stop, clock, session.wants_checkpoint};
    outcome = rl::train(config, environment);
  }
  if (outcome.phase != rl::RunPhase::finished) {
    session.out << "stopped; the same command goes on\n";
    session.exit_code = kInterrupted;
    return;
  }
  session.out << (outcome.directory / "rows.jsonl").string() << "\n";
}

void declare_data_sample(Command app, Session& session) {
  auto options = std::make_shared<DataSampleOptions>();
  app.add_option("recipe", options->recipe, "recipe with data, rewards, rollout and [sample]")
      .required();
  app.add_option("--model", options->model, "checkpoint or run that is sampled (model.path)");
  app.add_option("--run-dir", options->run_dir,
                 "folder for samples.jsonl and rows.jsonl; where it holds a stopped one, go on")
      .required();
  app.add_option("--set", options->settings, "change a setting, e.g. sample.samples=8; repeatable")
      .one_each();
  app.callback([options, &session] { sample_rows(*options, session); });
}

}  // namespace

extern const CommandRecord kDataSampleCommand{
    "data", "sample", "rejection sampling: sample, grade and keep what is good to learn from",
    declare_data_sample};

}  // namespace gradus::cli
