#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>

#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {
namespace {

/// Settings `rl.mismatch.geometric_mask.*`.
struct GeometricMaskSettings {
  std::string weight = "token";
};

void describe(GeometricMaskSettings& c, SettingFields& field) {
  field("weight", c.weight, one_of({"token", "one", "geometric"}),
        "of completions that stay: each token's rho, 1, or the geometric mean");
}

at::Tensor geometric_weights(const at::Tensor& log_rho, const LossInputs& in,
                             const MismatchConfig& config) {
  const auto& own = config.corrections.of<GeometricMaskSettings>("geometric_mask");
  const auto mean_S = mean_ratio(log_rho, in, config);
  const auto is_outside_S = (mean_S < config.min) | (mean_S > config.max);
  if (own.weight == "geometric") return without(mean_S, is_outside_S);
  if (own.weight == "one") return without(at::ones_like(mean_S), is_outside_S);
  return without(token_ratio(log_rho, config), is_outside_S);
}

}  // namespace

extern const MismatchCorrection kGeometricMask;
const MismatchCorrection kGeometricMask{
    "geometric_mask", "completions whose geometric mean of rho is outside [min, max] go",
    geometric_weights, [] { return OwnSettings::of(GeometricMaskSettings{}); }};

}  // namespace gradus::rl
