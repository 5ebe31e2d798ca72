#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "rl/run/run.h"
#include "rl/stages/run_config.h"

namespace gradus::rl {

/// What a resumed run may change.
struct ResumeOptions {
  std::vector<std::string> assignments;  ///< "run.steps=200"
  bool may_change_result = false;        ///< also settings and files that change the weights
};

/// Neither touches the process beyond its run: who calls them gives ATen its threads
/// (policy::aten_threads) and handles signals.

/// Runs a recipe (any run.task) from its first step, in a new run directory (config.run.dir), or in
/// one whose run never finished a step. Where model, data or rules cannot be made, nothing is left.
/// @throws FileError  the directory holds a run; Error  training failed, see RUN/status.json.
RunOutcome train(const RunConfig& config, const RunEnvironment& environment);

/// Goes on with a run that was stopped, killed or failed, or does more steps of a finished one.
/// Without changes that matter the result is the one of a run that was never interrupted, bit for
/// bit. Where changes are allowed, the recipe so far is kept as recipe.until-step-N.toml.
/// What the run knew stands in inputs.json, so that a recipe.toml edited by hand counts as well.
/// @throws ConfigError  assignments, an edited recipe or changed files would change the result:
///                      lists them.
RunOutcome resume(const std::filesystem::path& run_dir, const ResumeOptions& options,
                  const RunEnvironment& environment);

}  // namespace gradus::rl
