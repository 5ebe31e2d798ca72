#include "rl/algorithms/losses/divergence_loss.h"

namespace gradus::rl {

extern const PolicyLoss kDppoTv;
/// Tokens are dropped whose probability has moved by more than a bound (divergence PPO with total
/// variation): A > 0 and p - p_old > mask_high, else p_old - p > mask_low.
const PolicyLoss kDppoTv{"dppo_tv", "tokens whose probability has moved too far are dropped",
                         [] { return OwnSettings::of(DivergenceSettings{}); },
                         [](const LossInputs& in, const AlgorithmConfig& config) {
                           const auto& own = config.losses.of<DivergenceSettings>("dppo_tv");
                           return divergence_loss(
                               in, config, own,
                               moved_too_far(in, in.old_logprobs, own.mask_low, own.mask_high));
                         }};

}  // namespace gradus::rl
