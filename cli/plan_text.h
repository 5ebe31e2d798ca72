#pragma once

#include <string>
#include <vector>

#include "rl/plan/published.h"
#include "rl/plan/stage_plan.h"

namespace gradus::cli {

/// Tables of a plan for people: time, memory, disk, tokens and money of every stage, what they rest
/// on, and where a cluster's time goes.
std::string plan_text(const std::vector<rl::StagePlan>& plans, const rl::PlanBasis& basis);

/// A published bill's rows beside the plan's.
std::string published_text(const std::vector<rl::PublishedRow>& rows,
                           const std::vector<rl::StagePlan>& plans);

/// "3.2 s a step, 2 m 10 s in all; memory 1.2 GB, disk 30 MB".
std::string estimate_line(const rl::StagePlan& plan);

}  // namespace gradus::cli
