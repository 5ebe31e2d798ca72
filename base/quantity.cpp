#include "base/quantity.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace gradus {
namespace {

template <size_t N>
std::string scaled(double value, const std::array<const char*, N>& units, int digits) {
  size_t unit = 0;
  while (std::abs(value) >= 999.5 && unit + 1 < N) {
    value /= 1000.0;
    ++unit;
  }
  const std::string number =
      unit == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.{}f}", value, digits);
  return units[unit][0] == '\0' ? number : number + " " + units[unit];
}

}  // namespace

std::string bytes_text(double bytes) {
  return scaled(bytes, std::array{"B", "kB", "MB", "GB", "TB", "PB"}, 1);
}

std::string count_text(double count) {
  if (std::abs(count) < 1e4) {
    const auto whole = static_cast<long long>(std::llround(count));
    if (whole >= 1000) return fmt::format("{},{:03}", whole / 1000, whole % 1000);
    return std::to_string(whole);
  }
  return scaled(count, std::array{"", "k", "M", "G", "T"}, 1);
}

std::string exact_text(int64_t count) {
  std::string text = std::to_string(count);
  const size_t first = count < 0 ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "unknown";
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} m {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} m", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {:02} h", whole / 86400, whole % 86400 / 3600);
}

std::string share_text(double share) {
  return fmt::format("{:.1f} %", 100.0 * share);
}

std::string flops_text(double flops) {
  return scaled(
      flops,
      std::array{"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP", "ZFLOP", "YFLOP"},
      1);
}

std::string short_number(double value) {
  if (std::isnan(value)) return "-";
  return fmt::format("{:.4g}", value);
}

}  // namespace gradus
