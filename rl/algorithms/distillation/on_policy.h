#pragma once

#include <span>
#include <vector>

namespace gradus::rl {

/// Advantages of tokens from a teacher's logprobs of them (on-policy distillation):
///
///   A_t = (given or 0) - kl_coef sum over k >= 0 of discount^k (lp_old - lp_teacher)_{t+k}
///
/// over live tokens; 0 at others. The difference is held in [-bound, bound].
///
/// @param given    [tokens] advantages that are added to, or empty.
/// @param is_live  [tokens], or empty: all are.
/// @param bound    0: none.
std::vector<double> distillation_advantages(std::span<const double> old_logprobs,
                                            std::span<const double> teacher_logprobs,
                                            std::span<const double> given,
                                            const std::vector<unsigned char>& is_live,
                                            double kl_coef, double discount, double bound);

}  // namespace gradus::rl
