#pragma once

#include <map>
#include <optional>
#include <string>

#include "rl/chain/chain_environment.h"

namespace gradus::rl {

/// Evaluates a checkpoint as `config` says ([eval], its rules, [rollout]) and enters what that took
/// in the stage's ledger.
/// @param checkpoint  in place of config.model.path, adapters merged.
/// @param lines  file to write: every problem with its completions and grades.
/// @return  figures by name ("eval/accuracy"); nothing when it was stopped.
/// @throws FileError, ConfigError
std::optional<std::map<std::string, double>> evaluate_policy(
    RunConfig config, const std::filesystem::path& checkpoint, const std::filesystem::path& ledger,
    const std::filesystem::path& lines, StageRunEnvironment& environment);

}  // namespace gradus::rl
