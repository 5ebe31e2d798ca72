#pragma once

#include <string>
#include <vector>

#include "rl/collect/group.h"
#include "rl/learn/metrics.h"

namespace gradus::rl {

/// Figures of a batch of graded groups before any update: rewards in all and by rule, lengths,
/// truncation, groups without signal. Names and formulas: docs/metrics.md.
/// @param rule_names  one for each row of Group::grades.
/// @throws gradus::ArgumentError  a group with another number of rules.
Metrics group_metrics(const std::vector<Group>& groups, const std::vector<std::string>& rule_names);

}  // namespace gradus::rl
