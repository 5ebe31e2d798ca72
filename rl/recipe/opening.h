#pragma once

#include <string>
#include <vector>

#include "rl/learn/learner.h"
#include "rl/run/run_observer.h"
#include "rl/stages/stage.h"

namespace gradus::rl {

/// What a run that is loaded tells whoever watches it before its first step.
RunOpening opening_of(const RunConfig& config, const Learner& learner, const Stage& stage,
                      const Run& run);

/// Settings that work and are hardly meant, one sentence each with what to do: more threads than
/// there are cores, completions longer than the context.
std::vector<std::string> doubtful_settings(const RunConfig& config, int max_context);

}  // namespace gradus::rl
