#include "rl/algorithms/controllers.h"

#include <algorithm>

namespace gradus::rl {
namespace {

constexpr double kMostStep = 0.2;

}  // namespace

void describe(KlControllerConfig& c, SettingFields& field) {
  field("target", c.target, at_least(0.0),
        "KL that rl.kl_coef is moved towards, from step to step; 0: it stays");
  field("horizon", c.horizon, positive(), "completions over which it moves by its own size");
}

double next_kl_coef(double coef, double kl, double completions, const KlControllerConfig& config) {
  const double error = std::clamp(kl / config.target - 1.0, -kMostStep, kMostStep);
  return coef * (1.0 + error * completions / config.horizon);
}

void describe(EntropyControllerConfig& c, SettingFields& field) {
  field("target", c.target, at_least(0.0),
        "entropy, in nats, below which rl.entropy_coef grows; above it there is no bonus; 0: it "
        "stays");
  field("delta", c.delta, at_least(0.0), "by how much it grows or falls a step");
  field("min", c.min, at_least(0.0), "least coefficient");
  field("max", c.max, at_least(0.0), "largest coefficient");
}

void EntropyState::update(double step_entropy, const EntropyControllerConfig& config) {
  entropy = step_entropy;
  coef = std::clamp(coef + (entropy <= config.target ? config.delta : -config.delta), config.min,
                    config.max);
}

}  // namespace gradus::rl
