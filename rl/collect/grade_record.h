#pragma once

#include <nlohmann/json.hpp>

#include "rewards/reward_rule.h"
#include "rollout/records.h"

namespace gradus::rl {

const char* finish_name(rollout::FinishReason finish);
const char* outcome_name(rewards::GradeOutcome outcome);

/// {"value", "outcome", "reason", "details"}, for sample files; value is null where the rule did
/// not score. Details are recorded up to the bounds of rewards/reply.h, and say so where they were
/// cut.
nlohmann::ordered_json grade_json(const rewards::Grade& grade);

}  // namespace gradus::rl
