#include "rl/stages/stage.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace gradus::rl {

RunLength Stage::length_of(double) const {
  throw ConfigError("run.epochs: this stage reads no rows; give run.steps");
}

StepEnvironment environment_of(const Run& run, Learner& learner) {
  const RunSettings& settings = run.settings();
  return {run.clock(),
          &learner.communicator(),
          &learner.keeper(),
          run.stop(),
          learner.cluster().leaves,
          learner.cluster().reduction,
          settings.samples_every > 0 ? settings.sample_tokens : 0};
}

int64_t end_of_epochs(double epochs, int64_t num_rows) {
  constexpr double kRounding = 1e-9;  // 0.1 times 30 rows are three, whatever the product says
  if (num_rows <= 0)
    throw ConfigError(
        "run.epochs: the data has no end. Give data.count, or run.steps in place of run.epochs");
  const double rows = std::ceil(epochs * static_cast<double>(num_rows) - kRounding);
  return std::max<int64_t>(1, static_cast<int64_t>(rows));
}

}  // namespace gradus::rl
