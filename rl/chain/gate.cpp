#include "rl/chain/gate.h"

#include <fmt/format.h>

#include <optional>

namespace gradus::rl {
namespace {

std::optional<double> figure(const std::map<std::string, double>& figures,
                             const std::string& name) {
  for (const std::string& key : {name, "eval/" + name})
    if (const auto found = figures.find(key); found != figures.end()) return found->second;
  return std::nullopt;
}

std::string missing(const std::string& metric, const std::map<std::string, double>& figures) {
  std::string names;
  for (const auto& [name, value] : figures) names += (names.empty() ? "" : ", ") + name;
  return fmt::format("there is no {} in the evaluation; it has {}", metric,
                     names.empty() ? "nothing" : names);
}

}  // namespace

std::string gate_failure_of(const StageGate& gate, const std::string& than,
                            const std::map<std::string, double>& after,
                            const std::map<std::string, double>& before) {
  const auto is = figure(after, gate.metric);
  if (!is) return missing(gate.metric, after);
  if (gate.at_least && *is < *gate.at_least)
    return fmt::format("{} is {:.4f}, must be at least {:.4f}", gate.metric, *is, *gate.at_least);
  if (!gate.max_fall) return "";
  const auto was = figure(before, gate.metric);
  if (!was) return fmt::format("{} of stage {}", missing(gate.metric, before), than);
  if (*is < *was - *gate.max_fall)
    return fmt::format("{} is {:.4f}, {:.4f} below that of {} ({:.4f}); {:.4f} was allowed",
                       gate.metric, *is, *was - *is, than, *was, *gate.max_fall);
  return "";
}

}  // namespace gradus::rl
