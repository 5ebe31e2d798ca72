#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>

#include <cmath>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// s(beta x) (log s(beta x) - log(1 - e)) + s(-beta x) (log s(-beta x) - log e) (EXO,
/// arXiv:2402.00856).
at::Tensor exo_pair_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const auto x_P = pairs.difference() * config.beta;
  const double e = config.label_smoothing;
  return x_P.sigmoid() * (-negative_log_sigmoid(x_P) - std::log1p(-e)) +
         (-x_P).sigmoid() * (-negative_log_sigmoid(-x_P) - std::log(e));
}

}  // namespace

extern const PreferenceLoss kExoPair;
const PreferenceLoss kExoPair{"exo_pair", "reverse KL to the smoothed labels", nullptr,
                              exo_pair_terms, true};

}  // namespace gradus::rl
