#include <ATen/TensorOperators.h>
#include <ATen/ops/sort.h>

#include <tuple>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// DPO's loss of the sorted log ratios of policy and reference, chosen over rejected: the whole
/// distribution is moved (AOT for paired data, arXiv:2406.05882).
at::Tensor aot_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const auto policy_P = std::get<0>((pairs.chosen - pairs.rejected).sort());
  const auto reference_P = std::get<0>((pairs.reference_chosen - pairs.reference_rejected).sort());
  const auto gap_P = policy_P - reference_P;
  const auto x_P = gap_P * config.beta;
  return negative_log_sigmoid(x_P) * (1.0 - config.label_smoothing) +
         negative_log_sigmoid(-x_P) * config.label_smoothing;
}

}  // namespace

extern const PreferenceLoss kAot;
const PreferenceLoss kAot{"aot", "DPO on sorted margins of policy and reference", nullptr,
                          aot_terms};

}  // namespace gradus::rl
