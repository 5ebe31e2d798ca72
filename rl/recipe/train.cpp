#include "rl/recipe/train.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "rl/recipe/changes.h"
#include "rl/recipe/input_files.h"
#include "rl/recipe/load.h"
#include "rl/stages/stage_loop.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxFileBytes = int64_t{64} << 20;

int64_t last_step(const fs::path& run) {
  int64_t last = 0;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    last = std::max(last, step_of_name(entry.path().filename().string()));
  return last;
}

LearnerSettings learner_settings(const RunConfig& config) {
  return {config.model, config.optim, config.run.seed, config.run.threads};
}

/// Everything that a stage stands on, in the order in which it is made.
struct Loaded {
  Loaded(const RunConfig& config, Run& run)
      : learner(learner_settings(config), run.clock()),
        loop(run, &learner, config.optim.max_skipped_steps),
        stage(stages().at(config.run.task).make(config, run, learner)) {}

  Learner learner;
  StageLoop loop;
  std::unique_ptr<Stage> stage;
};

std::unique_ptr<Loaded> load(const RunConfig& config, Run& run) {
  const double begin = run.clock().now_s();
  run.observer().on_phase(0, "load");
  auto loaded = std::make_unique<Loaded>(config, run);
  const double seconds = run.clock().now_s() - begin;
  run.enter({"load", loaded->loop.state().step, seconds, seconds, 0, 0.0});
  return loaded;
}

RunOutcome run_in(const RunConfig& config, RunDirectory directory,
                  const RunEnvironment& environment) {
  const fs::path path = directory.path();
  Run run(config.run, config.ledger, std::move(directory), environment);
  std::unique_ptr<Loaded> loaded;
  try {
    loaded = load(config, run);
  } catch (const std::exception& error) {
    write_status(path, RunPhase::failed, error.what(), last_step(path), config.run.steps);
    throw;
  }
  return loaded->loop.run(*loaded->stage);
}

std::vector<std::string> phrases(const std::vector<SettingDifference>& differences) {
  std::vector<std::string> phrases;
  for (const auto& difference : differences)
    phrases.push_back(fmt::format("{}: was {}, is {}", difference.key, difference.left.dump(),
                                  difference.right.dump()));
  return phrases;
}

RunConfig read_resolved(const fs::path& recipe) {
  RunConfig config;
  read_settings(config, read_file(recipe, kMaxFileBytes), recipe.string());
  return config;
}

std::vector<std::string> input_changes(const RunDirectory& directory, const RunConfig& config) {
  // A run that was killed before it noted its inputs has no step to protect either.
  if (!fs::exists(directory.inputs())) return {};
  const auto was = read_json(directory.inputs(), kMaxFileBytes);
  return changed_inputs(was, fingerprint_inputs(config));
}

void note_inputs(const RunDirectory& directory, const RunConfig& config) {
  write_file_atomically(directory.inputs(), fingerprint_inputs(config).dump(2) + "\n");
}

}  // namespace

RunOutcome train(const RunConfig& config, const RunEnvironment& environment) {
  check(config, "recipe");
  auto directory = RunDirectory::create(config.run.dir, to_toml(config));
  note_inputs(directory, config);
  return run_in(config, std::move(directory), environment);
}

RunOutcome resume(const fs::path& run_dir, const ResumeOptions& options,
                  const RunEnvironment& environment) {
  auto directory = RunDirectory::open(run_dir);
  const RunConfig was = read_resolved(directory.recipe());
  RunConfig is = was;
  for (const auto& assignment : options.assignments) apply_set(is, assignment);
  resolve_paths(is, fs::current_path());
  is.run.dir = was.run.dir;
  check(is, directory.recipe().string());
  auto changes = phrases(differences_that_matter(was, is));
  for (auto& change : input_changes(directory, is)) changes.push_back(std::move(change));
  if (!changes.empty() && !options.may_change_result)
    throw ConfigError(
        fmt::format("{}: cannot go on as if nothing had happened:\n  {}\nTake these "
                    "back, allow the change, or begin a new run",
                    run_dir.string(), fmt::join(changes, "\n  ")));
  if (!changes.empty())
    write_file_atomically(
        directory.path() / fmt::format("recipe.until-{}.toml", step_name(last_step(run_dir))),
        to_toml(was));
  if (!options.assignments.empty()) directory.write_recipe(to_toml(is));
  if (!changes.empty() || !fs::exists(directory.inputs())) note_inputs(directory, is);
  return run_in(is, std::move(directory), environment);
}

}  // namespace gradus::rl
