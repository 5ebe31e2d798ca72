#pragma once

#include <ATen/core/Tensor.h>

namespace gradus::policy {

struct Scores {
  at::Tensor logprobs;   ///< [S] float32, of the targets at the given temperature
  at::Tensor entropies;  ///< [S] float32, nats
};

/// What the loss of multi-token prediction teaches: the model as well (pre-training), or the module
/// alone, as the draft of a policy that is trained on something else.
enum class PredictionGradient { everything, module_alone };

}  // namespace gradus::policy
