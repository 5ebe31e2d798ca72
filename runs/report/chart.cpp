#include "runs/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/quantity.h"
#include "runs/report/html_text.h"

namespace gradus::runs {
namespace {

// The drawing's own units; the page scales it.
constexpr double kWidth = 560.0;
constexpr double kHeight = 240.0;
constexpr double kLeft = 56.0;
constexpr double kRight = 12.0;
constexpr double kTop = 10.0;
constexpr double kBottom = 30.0;
constexpr size_t kMaxPoints = 800;
constexpr size_t kMaxDots = 60;
constexpr double kSmoothing = 0.9;
constexpr size_t kFewestToSmooth = 50;  // a mean over ten steps of twenty would hide the run

struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool is_empty() const { return low > high; }
};

struct Frame {
  Extent x;
  Extent y;

  double px(double value) const { return kLeft + (kWidth - kLeft - kRight) * share(value, x); }
  double py(double value) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * share(value, y);
  }

 private:
  /// Where a value lies between the extent's ends, from 0 to 1; halves, where the whole is past the
  /// largest double.
  static double share(double value, const Extent& extent) {
    const double whole = extent.high - extent.low;
    const double part = std::isfinite(whole)
                            ? (value - extent.low) / whole
                            : (value / 2 - extent.low / 2) / (extent.high / 2 - extent.low / 2);
    return std::isfinite(part) ? std::clamp(part, 0.0, 1.0) : 0.5;
  }
};

void widen(Extent& extent, double share) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  const double room = extent.high > extent.low ? extent.high * share - extent.low * share
                                               : std::max(std::abs(extent.high) * 0.1, 0.5);
  extent.low = std::max(extent.low - room, -kLargest);
  extent.high = std::min(extent.high + room, kLargest);
}

Frame frame_of(const Chart& chart) {
  Frame frame;
  for (const auto& curve : chart.curves) {
    for (const auto& point : curve.points) {
      if (!std::isfinite(point.y)) continue;
      frame.x.include(point.x);
      frame.y.include(point.y);
      if (point.low) frame.y.include(*point.low);
      if (point.high) frame.y.include(*point.high);
    }
  }
  if (frame.x.is_empty()) return frame;
  if (frame.x.low == frame.x.high) widen(frame.x, 0.0);
  const bool is_never_negative = frame.y.low >= 0.0;
  if (chart.starts_at_zero) frame.y.include(0.0);
  widen(frame.y, 0.05);
  if (is_never_negative) frame.y.low = std::max(frame.y.low, 0.0);
  return frame;
}

std::string axes_svg(const Frame& frame) {
  std::string svg;
  for (const double mark : axis_marks(frame.y.low, frame.y.high, 5)) {
    const double y = frame.py(mark);
    svg += fmt::format(
        R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)"
        R"(<text class="mark" x="{}" y="{:.1f}" text-anchor="end" dy="0.32em">{}</text>)",
        kLeft, kWidth - kRight, y, y, kLeft - 8, y, short_number(mark));
  }
  for (const double mark : axis_marks(frame.x.low, frame.x.high, 6)) {
    if (mark != std::floor(mark)) continue;  // steps are whole
    svg += fmt::format(R"(<text class="mark" x="{:.1f}" y="{}" text-anchor="middle">{}</text>)",
                       frame.px(mark), kHeight - kBottom + 18, short_number(mark));
  }
  svg += fmt::format(R"(<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>)", kLeft,
                     kWidth - kRight, kHeight - kBottom, kHeight - kBottom);
  return svg;
}

std::string path_svg(const Frame& frame, const std::vector<CurvePoint>& points, const char* kind,
                     size_t color) {
  std::string path;
  bool pen_is_down = false;
  for (const auto& point : points) {
    if (!std::isfinite(point.y)) {
      pen_is_down = false;
      continue;
    }
    path += fmt::format("{}{:.1f} {:.1f}", pen_is_down ? "L" : "M", frame.px(point.x),
                        frame.py(point.y));
    pen_is_down = true;
  }
  return fmt::format(R"(<path class="{} c{}" d="{}"/>)", kind, color, path);
}

std::string band_svg(const Frame& frame, const std::vector<CurvePoint>& points, size_t color) {
  std::string above;
  std::string below;
  for (const auto& point : points) {
    if (!point.low || !point.high) continue;
    above += fmt::format("{}{:.1f} {:.1f}", above.empty() ? "M" : "L", frame.px(point.x),
                         frame.py(*point.high));
    below = fmt::format("L{:.1f} {:.1f}", frame.px(point.x), frame.py(*point.low)) + below;
  }
  if (above.empty()) return "";
  return fmt::format(R"(<path class="band c{}" d="{}{}Z"/>)", color, above, below);
}

std::string dots_svg(const Frame& frame, const Curve& curve, size_t color) {
  std::string svg;
  for (const auto& point : curve.points) {
    if (!std::isfinite(point.y)) continue;
    std::string value = short_number(point.y);
    if (point.low && point.high) {
      value += fmt::format(" [{}, {}]", short_number(*point.low), short_number(*point.high));
    }
    svg += fmt::format(
        R"(<circle class="dot c{}" cx="{:.1f}" cy="{:.1f}" r="3.2"><title>{}step {}: {}</title></circle>)",
        color, frame.px(point.x), frame.py(point.y),
        curve.name.empty() ? "" : html_text(curve.name) + ", ", short_number(point.x), value);
  }
  return svg;
}

/// The values for who points at the chart (page_style.cpp): "step:value" each, with the interval.
std::string probe_svg(const Frame& frame, const Curve& curve, size_t color) {
  std::string values;
  for (const auto& point : thinned(curve.points, kMaxPoints)) {
    if (!std::isfinite(point.y)) continue;
    if (!values.empty()) values += '|';
    values += fmt::format("{:.1f}:{:.6g}:{}", frame.px(point.x), point.x, short_number(point.y));
    if (point.low && point.high)
      values += fmt::format(" [{}, {}]", short_number(*point.low), short_number(*point.high));
  }
  return fmt::format(R"(<g class="probe" data-name="{}" data-color="{}" data-values="{}"></g>)",
                     html_text(curve.name), color, values);
}

std::string curve_svg(const Frame& frame, const Curve& curve, size_t color) {
  const auto points = thinned(curve.points, kMaxPoints);
  std::string svg = band_svg(frame, points, color);
  if (curve.is_smoothed && points.size() >= kFewestToSmooth) {
    svg += path_svg(frame, points, "faint", color);
    svg += path_svg(frame, running_mean(points, kSmoothing), "line", color);
  } else {
    svg += path_svg(frame, points, "line", color);
    if (points.size() <= kMaxDots) svg += dots_svg(frame, curve, color);
  }
  return svg + probe_svg(frame, curve, color);
}

std::string legend_html(const std::vector<Curve>& curves) {
  if (curves.size() < 2) return "";
  std::string html = R"(<span class="legend">)";
  for (size_t i = 0; i < curves.size(); ++i) {
    html += fmt::format(R"(<span class="key c{}">{}</span>)", i % 4, html_text(curves[i].name));
  }
  return html + "</span>";
}

}  // namespace

std::vector<double> axis_marks(double low, double high, int wanted) {
  if (!std::isfinite(low) || !std::isfinite(high)) return {};
  if (!(high > low) || wanted < 1) return {low};
  const double raw = high / wanted - low / wanted;
  const double magnitude = std::pow(10.0, std::floor(std::log10(raw)));
  const double rest = raw / magnitude;
  const double step = magnitude * (rest < 1.5 ? 1.0 : rest < 3.5 ? 2.0 : rest < 7.5 ? 5.0 : 10.0);
  // Counted in steps from 0. Past 2^50 of them a step is lost in the rounding of its own sum, and
  // one below the smallest normal double has lost its digits: there is no round number in between.
  constexpr double kMostSteps = 0x1p50;
  const double first = std::ceil(low / step - 1e-9);
  const double last = std::floor(high / step + 1e-9);
  if (!std::isnormal(step) || !(std::abs(first) < kMostSteps) || !(std::abs(last) < kMostSteps))
    return {low};
  std::vector<double> marks;
  for (auto i = static_cast<int64_t>(first); i <= static_cast<int64_t>(last); ++i)
    marks.push_back(static_cast<double>(i) * step);
  return marks;
}

std::vector<CurvePoint> running_mean(const std::vector<CurvePoint>& points, double decay) {
  std::vector<CurvePoint> smooth;
  smooth.reserve(points.size());
  double sum = 0.0;
  double weight = 0.0;
  for (const auto& point : points) {
    if (!std::isfinite(point.y)) {
      smooth.push_back(point);
      continue;
    }
    sum = decay * sum + (1.0 - decay) * point.y;
    weight = decay * weight + (1.0 - decay);
    smooth.push_back({point.x, sum / weight, {}, {}});
  }
  return smooth;
}

std::vector<CurvePoint> thinned(const std::vector<CurvePoint>& points, size_t limit) {
  if (points.size() <= limit) return points;
  std::vector<CurvePoint> thin;
  thin.reserve(limit);
  for (size_t i = 0; i < limit; ++i) {
    const size_t begin = points.size() * i / limit;
    const size_t end = points.size() * (i + 1) / limit;
    double sum = 0.0;
    size_t count = 0;
    for (size_t j = begin; j < end; ++j) {
      if (!std::isfinite(points[j].y)) continue;
      sum += points[j].y;
      ++count;
    }
    CurvePoint point = points[begin];
    point.y = count > 0 ? sum / static_cast<double>(count) : std::nan("");
    thin.push_back(point);
  }
  return thin;
}

std::string chart_html(const Chart& chart) {
  const Frame frame = frame_of(chart);
  if (frame.x.is_empty()) return "";
  std::string svg;
  for (size_t i = 0; i < chart.curves.size(); ++i) svg += curve_svg(frame, chart.curves[i], i % 4);
  return fmt::format(
      R"(<figure class="chart"><figcaption><b>{}</b>{}<small>{}</small></figcaption>)"
      R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>)"
      R"(<output class="values"></output></figure>)",
      html_text(chart.title), legend_html(chart.curves), html_text(chart.explanation), kWidth,
      kHeight, html_text(chart.title), axes_svg(frame), svg);
}

}  // namespace gradus::runs
