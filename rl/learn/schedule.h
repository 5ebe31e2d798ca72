#pragma once

#include <cstdint>

#include "rl/learn/optimizers/optimizer_config.h"

namespace gradus::rl {

/// Learning rate of a step, a pure function so that resuming needs no state.
///
///   step < W:   lr (step + 1) / (W + 1)              W = warmup_steps; never 0
///   constant:   lr
///   linear:     lr (f + (1 - f) (1 - p))             f = min_lr_ratio
///   cosine:     lr (f + (1 - f) (1 + cos(pi p)) / 2) p = (step - W) / (total_steps - W), in [0, 1]
///
/// @param step         from 0.
/// @param total_steps  of the run; <= W means that the schedule has ended at the end of warm-up.
double learning_rate_at(const OptimizerConfig& config, int64_t step, int64_t total_steps);

}  // namespace gradus::rl
