#include "rl/learn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gradus::rl {
namespace {

/// Share of the way from the end of warm-up to the end of the run.
double progress(int64_t step, int64_t warmup_steps, int64_t total_steps) {
  if (total_steps <= warmup_steps) return 1.0;
  const auto done = static_cast<double>(step - warmup_steps);
  return std::clamp(done / static_cast<double>(total_steps - warmup_steps), 0.0, 1.0);
}

}  // namespace

double learning_rate_at(const OptimizerConfig& config, int64_t step, int64_t total_steps) {
  if (step < config.warmup_steps) {
    return config.lr * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps + 1);
  }
  const double p = progress(step, config.warmup_steps, total_steps);
  const double f = config.min_lr_ratio;
  switch (config.schedule) {
    case Schedule::constant:
      return config.lr;
    case Schedule::linear:
      return config.lr * (f + (1.0 - f) * (1.0 - p));
    case Schedule::cosine:
      return config.lr * (f + (1.0 - f) * 0.5 * (1.0 + std::cos(std::numbers::pi * p)));
  }
  return config.lr;
}

}  // namespace gradus::rl
