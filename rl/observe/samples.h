#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rl/collect/group.h"

namespace gradus::rl {

/// The completions of a step as JSON lines, one each:
///
///   {"step", "prompt_id", "index", "prompt", "completion", "finish", "error", "num_tokens",
///    "reward", "advantage", "is_used", "grades": {rule: {"value", "outcome", "reason",
///    "details"}}}
///
/// reward is null where no rule could score the completion, value where the rule did not.
/// @param num_used  the first groups were trained on; the others had no signal.
std::string sample_lines(int64_t step, const std::vector<Group>& groups, size_t num_used,
                         const std::vector<std::string>& rule_names);

}  // namespace gradus::rl
