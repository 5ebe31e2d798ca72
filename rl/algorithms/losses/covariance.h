#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

/// (A - mean A) (lp - mean lp) of each token, the means over live tokens of the microbatch
/// (arXiv:2505.22617); 0 where not live. [S], without gradient.
at::Tensor covariances(const LossInputs& in);

/// max(1, floor(share * live tokens)).
int64_t share_of_live(const LossInputs& in, double share);

/// [S] bool with the places of `tokens` true.
at::Tensor marked(const std::vector<int64_t>& tokens, const at::Tensor& like);

}  // namespace gradus::rl
