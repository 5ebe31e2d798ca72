#pragma once

#include <vector>

#include "rl/stages/run_config.h"

namespace gradus::rl {

/// Settings that a resumed run may not change without being told so by name, because the result
/// would no longer be a function of one recipe. What is free stands where a setting is described
/// (OnResume): records and limits always; speed and memory where the native kernels compute, whose
/// results do not depend on batching or threads; run.steps or run.epochs upwards, under a constant
/// schedule.
std::vector<SettingDifference> differences_that_matter(const RunConfig& was, const RunConfig& is);

}  // namespace gradus::rl
