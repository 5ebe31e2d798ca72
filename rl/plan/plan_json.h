#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "rl/plan/published.h"
#include "rl/plan/stage_plan.h"

namespace gradus::rl {

/// The keys of a bill (docs/cost.md), and device_hours, flops_per_token, memory_per_device,
/// disk_bytes, assumptions and what limits each stage; in total memory_per_device is the largest.
nlohmann::json plan_json(const std::vector<StagePlan>& plans, const PlanBasis& basis);

/// A published bill's rows beside the plan's: hours, money, ratio.
nlohmann::json published_json(const std::vector<PublishedRow>& rows,
                              const std::vector<StagePlan>& plans);

/// Device-hours of a row's stages.
double planned_hours(const PublishedRow& row, const std::vector<StagePlan>& plans);

}  // namespace gradus::rl
