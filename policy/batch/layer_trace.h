#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace gradus::policy {

/// What the layers of a call pass on, for comparing implementations. Shapes: T rows, D model width.
struct LayerTrace {
  /// [T, D] in the compute precision: the embedding, then every layer's output, the last one before
  /// the final norm; without gradients.
  std::vector<at::Tensor> hidden;
};

}  // namespace gradus::policy
