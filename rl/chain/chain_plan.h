#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "rl/chain/chain.h"
#include "rl/recipe/plan_input.h"

namespace gradus::rl {

/// A stage of a recipe on its way to be planned.
struct StageToPlan {
  StagePlanInput input;
  RunConfig config;
  std::filesystem::path folder;  ///< of its run
  bool can_be_tried = true;      ///< what it reads is there: its first steps can be measured
};

/// A recipe of one stage. @throws FileError  its model cannot be read.
StageToPlan stage_to_plan(const RunConfig& config);

/// The stages of a chain, in order. A stage that starts from another has that one's model; the
/// evaluation that a chain makes after each stage is that stage's.
/// @throws FileError, ConfigError  a model cannot be read.
std::vector<StageToPlan> stages_to_plan(const Chain& chain);

}  // namespace gradus::rl
