#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/settings/setting.h"

namespace gradus::rl {

/// 1: larger values of the figure are better; -1: smaller ones.
/// @param mode  "max", "min", or "auto": min for losses, perplexities and KL, max for all else.
double direction_of(std::string_view mode, std::string_view metric);

/// For settings that name a figure (rl/learn/metrics.h), or none.
SettingConstraint metric_or_empty();
SettingConstraint metric_mode();

/// "eval/accuracy >= 0.95", as run.stop_when says it.
struct MetricCondition {
  enum class Comparison { at_least, at_most, above, below };

  std::string metric;
  Comparison comparison = Comparison::at_least;
  double bound = 0.0;

  bool holds(double value) const;
};

/// Nothing: it is no figure's name (rl/learn/metrics.h), comparison (>=, <=, >, <) and number.
std::optional<MetricCondition> parse_condition(std::string_view text);

/// Settings `run.plateau.*`: a run ends whose figure has stopped getting better.
struct PlateauSettings {
  std::string metric;  ///< empty: no such end
  std::string mode = "auto";
  int patience = 5;  ///< values in a row that are no better than the best before them
  double min_delta = 0.0;
};

void describe(PlateauSettings& c, SettingFields& field);

/// When a run ends before its last step, by its figures. A value counts once, with the step whose
/// record holds it; values that are not finite count for nothing.
class StopRule {
 public:
  /// @param stop_when  run.stop_when; empty: no condition. @throws ConfigError  it is none.
  StopRule(const std::string& stop_when, PlateauSettings plateau);

  void look_at(const std::map<std::string, double>& values);
  /// Why the run has come to its end, in words; nothing: it has not.
  std::optional<std::string> reason() const;

  /// What it has seen, for a checkpoint.
  std::string memory() const;
  /// Puts that back; what belongs to other figures than those of today's settings is left out, so
  /// that a run may go on under new ones. @throws FileError  it is none of its own.
  void recall(const std::string& memory);

 private:
  std::optional<MetricCondition> condition_;
  PlateauSettings plateau_;
  std::optional<double> last_;  ///< of the condition's figure
  std::optional<double> best_;  ///< of the plateau's
  int64_t num_worse_ = 0;       ///< in a row, since the best
};

}  // namespace gradus::rl
