#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "rl/stages/run_config.h"

namespace gradus::rl {

/// Reads a recipe, applies `assignments` ("rl.kl_coef=0.01"), resolves paths and checks everything.
///
/// A relative path in a recipe means the file below the recipe's folder when there is one, else
/// below the working directory; afterwards all paths are absolute, so that the resolved recipe
/// can be resumed from anywhere. `run.dir` is always relative to the working directory.
/// @throws ConfigError, FileError
RunConfig load_run_config(const std::filesystem::path& recipe,
                          std::span<const std::string> assignments);

/// run.steps of a config that no recipe has been read into: no recipe can say it.
inline constexpr int64_t kStepsNotGiven = -1;

/// What other settings decide where a recipe leaves it open: run.dir, run.steps,
/// rl.constant_length.
void fill_in(RunConfig& config);

/// The path of a rule's `file` option ("rewards.py:function"), or empty: the rule has none.
std::string reward_file(const rewards::RewardConfig& rule);

/// Makes all paths absolute, as above.
void resolve_paths(RunConfig& config, const std::filesystem::path& recipe_folder);

}  // namespace gradus::rl
