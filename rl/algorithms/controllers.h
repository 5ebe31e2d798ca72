#pragma once

#include "base/settings/setting.h"

namespace gradus::rl {

/// Settings `rl.kl_controller.*`: rl.kl_coef follows the KL (Ziegler et al., arXiv:1909.08593).
struct KlControllerConfig {
  double target = 0.0;
  double horizon = 10000.0;

  bool is_used() const { return target > 0.0; }
};

void describe(KlControllerConfig& c, SettingFields& field);

/// The coefficient after a step of `completions` whose mean KL was `kl`:
///   coef (1 + clip(kl / target - 1, -0.2, 0.2) completions / horizon)
double next_kl_coef(double coef, double kl, double completions, const KlControllerConfig& config);

/// Settings `rl.entropy_controller.*`: rl.entropy_coef follows the entropy (TRL).
struct EntropyControllerConfig {
  double target = 0.0;
  double delta = 0.005;
  double min = 0.0;
  double max = 1.0;

  bool is_used() const { return target > 0.0; }
};

void describe(EntropyControllerConfig& c, SettingFields& field);

/// The bonus's coefficient and the last step's entropy.
struct EntropyState {
  double coef = 0.0;
  double entropy = 0.0;

  /// What the next step uses: nothing while the entropy is above its target.
  double applied(const EntropyControllerConfig& config) const {
    return entropy <= config.target ? coef : 0.0;
  }
  /// After a step: delta more where the entropy is at most the target, else delta less, within
  /// [min, max].
  void update(double step_entropy, const EntropyControllerConfig& config);
};

}  // namespace gradus::rl
