#include "rl/evaluation/set_names.h"

#include <algorithm>
#include <array>

namespace gradus::rl {
namespace {

// Second parts of eval/ figures.
constexpr std::array<std::string_view, 9> kFigureNames{"accuracy", "rewards",     "loss",
                                                       "targets",  "problems",    "skipped",
                                                       "failed",   "mean_length", "clipped_ratio"};

}  // namespace

std::string_view set_of_accuracy(std::string_view metric) {
  constexpr std::string_view kBefore = "eval/";
  constexpr std::string_view kAfter = "/accuracy";
  if (metric.size() <= kBefore.size() + kAfter.size()) return {};
  if (!metric.starts_with(kBefore) || !metric.ends_with(kAfter)) return {};
  metric.remove_prefix(kBefore.size());
  metric.remove_suffix(kAfter.size());
  return is_free_set_name(metric) ? metric : std::string_view();
}

bool is_free_set_name(std::string_view name) {
  return std::ranges::find(kFigureNames, name) == kFigureNames.end();
}

}  // namespace gradus::rl
