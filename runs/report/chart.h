#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gradus::runs {

/// One value of a curve; the band is drawn where both ends are known.
struct CurvePoint {
  double x = 0.0;
  double y = 0.0;  ///< NaN: a gap
  std::optional<double> low;
  std::optional<double> high;
};

struct Curve {
  std::string name;
  std::vector<CurvePoint> points;  ///< by ascending x
  /// Draw the points faint and their running mean on top: for figures that jump from step to step.
  bool is_smoothed = false;
};

struct Chart {
  std::string title;
  std::string explanation;  ///< one line below the title
  std::vector<Curve> curves;
  bool starts_at_zero = false;
};

/// Round numbers in [low, high], about `wanted` of them: the axis' marks. `low` alone where doubles
/// between the ends are too few or too small for round ones; nothing where an end is not finite.
std::vector<double> axis_marks(double low, double high, int wanted);

/// Exponential running mean over the points, corrected at the start as Adam's moments are; gaps
/// stay gaps.
std::vector<CurvePoint> running_mean(const std::vector<CurvePoint>& points, double decay);

/// At most `limit` points, each the mean of its neighbours.
std::vector<CurvePoint> thinned(const std::vector<CurvePoint>& points, size_t limit);

/// A <figure> with inline SVG that needs nothing from outside and says its values to who points at
/// it; empty when no curve has a value. Curves of fewer than 50 points are never smoothed.
std::string chart_html(const Chart& chart);

}  // namespace gradus::runs
