#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rl/plan/stage_plan.h"
#include "rl/recipe/calibration.h"
#include "rl/stages/run_config.h"

namespace gradus::rl {

/// The model that a recipe trains: of the checkpoint, or of the fresh model's config.
/// @throws FileError
policy::ModelConfig model_of(const RunConfig& config);

/// A recipe as a plan sees it. @param name  of the stage.
StagePlanInput plan_input(const RunConfig& config, const policy::ModelConfig& model,
                          std::string name);

/// Completions of one evaluation of a recipe, as far as it says, and the most tokens of one.
double completions_of_evaluation(const RunConfig& config);
double tokens_of_evaluation(const RunConfig& config);

/// What a stage needs of memory and disk, without its time.
StagePlan space_of(const StagePlanInput& input);

/// Where a run is too large for this machine, in words that say what to do; empty: it fits.
/// @param folder  where the run will lie, or the nearest one above it that exists counts.
std::vector<std::string> shortages(const StagePlan& plan, const std::filesystem::path& folder);

/// Bytes that are free on the disk of a folder, or of the nearest one above it that exists.
int64_t free_disk_bytes(const std::filesystem::path& folder);

/// The plan of a recipe on this machine by what was measured of it; nothing where neither the stage
/// nor the machine was.
std::optional<StagePlan> plan_here(const RunConfig& config, const policy::ModelConfig& model,
                                   const Calibration& calibration, int threads);

}  // namespace gradus::rl
