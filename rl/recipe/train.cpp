#include "rl/recipe/train.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/process/own_process.h"
#include "rl/recipe/agreement.h"
#include "rl/recipe/changes.h"
#include "rl/recipe/input_files.h"
#include "rl/recipe/load.h"
#include "rl/recipe/opening.h"
#include "rl/recipe/plan_input.h"
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

LearnerSettings learner_settings(const RunConfig& config, const Run& run) {
  return {config.model,
          config.optim,
          config.run.seed,
          config.run.threads > 0 ? config.run.threads : run.default_threads(),
          stages().at(config.run.task).learns,
          stages().at(config.run.task).has_score_head,
          config.cluster};
}

/// Everything that a stage stands on, in the order in which it is made.
struct Loaded {
  Loaded(const RunConfig& recipe, Run& run)
      : config(recipe),
        learner(learner_settings(config, run), run.clock(), run.shared_ranks()),
        loop(run, stages().at(config.run.task).learns ? &learner : nullptr,
             config.optim.max_skipped_steps),
        stage(stages().at(config.run.task).make(config, run, learner)) {
    if (config.run.epochs <= 0.0) return;
    const RunLength length = stage->length_of(config.run.epochs);
    config.run.steps = length.steps;  // the stage refers to this config
    run.set_length(length);
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  RunConfig config;
  Learner learner;
  StageLoop loop;
  std::unique_ptr<Stage> stage;
};

std::unique_ptr<Loaded> load(const RunConfig& config, Run& run) {
  run.observer().on_phase(0, "load");
  auto loaded = std::make_unique<Loaded>(config, run);
  for (const auto& sentence : doubtful_settings(config, loaded->learner.max_context()))
    run.observer().on_warning(sentence);
  run.observer().on_opening(opening_of(loaded->config, loaded->learner, *loaded->stage, run));
  run.settle("load", loaded->loop.state().step);
  return loaded;
}

/// Says where memory or disk do not suffice; what cannot be estimated, loading will say.
void warn_of_shortages(const RunConfig& config, Run& run, const fs::path& calibration_file) {
  if (config.model.device != policy::DeviceKind::cpu) return;  // its memory is another
  try {
    const auto model = model_of(config);
    const Calibration calibration(calibration_file, run.clock().wall_s());
    const auto rates = calibration.stage(config);
    StagePlan space = space_of(plan_input(config, model, config.run.task));
    if (rates && rates->peak_memory > 0.0) space.memory = {{"measured", rates->peak_memory}};
    for (const auto& text : shortages(space, run.directory().path()))
      run.observer().on_warning(text);
  } catch (const std::exception&) {
  }
}

/// A run's folder, and the time that this process has it.
struct HeldRun {
  /// @param begin_s  of the clock, where the environment does not say since when.
  HeldRun(RunDirectory held, const RunEnvironment& environment, double begin_s)
      : directory(std::move(held)),
        life(std::make_unique<LifeKeeper>(directory.lives(), environment.clock,
                                          environment.begun_s.value_or(begin_s))) {}

  RunDirectory directory;
  std::unique_ptr<LifeKeeper> life;
};

RunOutcome run_in(const RunConfig& config, const nlohmann::json& inputs, HeldRun held,
                  const RunEnvironment& environment, bool is_new) {
  const fs::path path = held.directory.path();
  reset_peak_memory();
  auto run = std::make_unique<Run>(config.run, config.ledger, std::move(held.directory),
                                   environment, std::move(held.life));
  warn_of_shortages(config, *run, environment.calibration);
  std::unique_ptr<Loaded> loaded;
  try {
    check_ranks_agree(run->ranks(), config, inputs);
    loaded = load(config, *run);
  } catch (const std::exception& error) {
    // Of a run that cannot begin nothing is left, so that the mended recipe finds its place free.
    if (is_new)
      run->discard();
    else
      write_status(path, RunPhase::failed, failure_text(error), last_step(path), config.run.steps);
    throw;
  }
  return loaded->loop.run(*loaded->stage);
}

/// What LibTorch and the system throw, as an error of ours without call stack.
template <class Work>
RunOutcome with_plain_errors(Work&& work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(failure_text(error));
  }
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

/// The recipe as the run knows it, which recipe.toml need not be: people edit it.
RunConfig known_recipe(const nlohmann::json& noted, const RunConfig& written) {
  try {
    RunConfig known = recipe_of_inputs(noted).value_or(written);
    known.run.dir = written.run.dir;  // a run's folder may be moved
    return known;
  } catch (const ConfigError&) {  // of another version: recipe.toml is all that can be compared
    return written;
  }
}

void note_inputs(const RunDirectory& directory, const nlohmann::json& inputs) {
  write_file_atomically(directory.inputs(), dump_json(inputs) + "\n");
}

RunOutcome resume_in(HeldRun held, const ResumeOptions& options,
                     const RunEnvironment& environment) {
  const RunDirectory& directory = held.directory;
  const fs::path path = directory.path();
  const RunConfig was = read_resolved(directory.recipe());
  RunConfig is = was;
  for (const auto& assignment : options.assignments) apply_set(is, assignment);
  resolve_paths(is, fs::current_path());
  is.run.dir = was.run.dir;
  check(is, directory.recipe().string());
  const auto inputs = fingerprint_inputs(is);
  // A run that was killed before it noted its inputs has no step to protect either.
  const auto noted = fs::exists(directory.inputs()) ? read_json(directory.inputs(), kMaxFileBytes)
                                                    : nlohmann::json::object();
  const RunConfig known = known_recipe(noted, was);
  auto changes = phrases(differences_that_matter(known, is));
  for (auto& change : changed_inputs(noted, inputs)) changes.push_back(std::move(change));
  if (!changes.empty() && !options.may_change_result)
    throw ConfigError(
        fmt::format("{}: cannot go on as if nothing had happened:\n  {}\nTake these "
                    "back, allow the change (--allow-changes), or begin a new run",
                    path.string(), fmt::join(changes, "\n  ")));
  if (!changes.empty())
    write_file_atomically(path / fmt::format("recipe.until-{}.toml", step_name(last_step(path))),
                          to_toml(known));
  if (!options.assignments.empty()) directory.write_recipe(to_toml(is));
  note_inputs(directory, inputs);
  return run_in(is, inputs, std::move(held), environment, false);
}

}  // namespace

RunOutcome train(const RunConfig& config, const RunEnvironment& environment) {
  return with_plain_errors([&] {
    const double begin = environment.clock.now_s();
    check(config, "recipe");
    // Before the folder is made: what cannot be read is no run.
    const auto inputs = fingerprint_inputs(config);
    HeldRun held(RunDirectory::create(config.run.dir, to_toml(config)), environment, begin);
    note_inputs(held.directory, inputs);
    return run_in(config, inputs, std::move(held), environment, true);
  });
}

RunOutcome resume(const fs::path& run_dir, const ResumeOptions& options,
                  const RunEnvironment& environment) {
  return with_plain_errors([&] {
    const double begin = environment.clock.now_s();
    return resume_in(HeldRun(RunDirectory::open(run_dir), environment, begin), options,
                     environment);
  });
}

}  // namespace gradus::rl
