#include <ATen/TensorOperators.h>
#include <ATen/ops/sort.h>

#include <tuple>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// DPO's loss of the sorted log ratios of chosen and of rejected answers, whatever pairs they were
/// in (AOT for unpaired data, arXiv:2406.05882).
at::Tensor aot_unpaired_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const auto chosen_P = std::get<0>(pairs.chosen_ratio().sort());
  const auto rejected_P = std::get<0>(pairs.rejected_ratio().sort());
  const auto gap_P = chosen_P - rejected_P;
  const auto x_P = gap_P * config.beta;
  return negative_log_sigmoid(x_P) * (1.0 - config.label_smoothing) +
         negative_log_sigmoid(-x_P) * config.label_smoothing;
}

}  // namespace

extern const PreferenceLoss kAotUnpaired;
const PreferenceLoss kAotUnpaired{"aot_unpaired", "DPO on sorted rewards of chosen and rejected",
                                  nullptr, aot_unpaired_terms};

}  // namespace gradus::rl
