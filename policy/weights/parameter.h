#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace gradus::policy {

/// A trained tensor of the policy: its float32 value, and its gradient, which backward passes add
/// to until somebody zeroes it.
struct Parameter {
  std::string name;  ///< the checkpoint's name; adapters: PEFT's
  at::Tensor value;  ///< float32
  at::Tensor grad;   ///< float32, same shape
};

/// A tensor that training moves by a rule, not by a gradient: the bias by which a mixture's router
/// chooses. Part of checkpoints and of what is saved.
struct Buffer {
  std::string name;  ///< the checkpoint's
  at::Tensor value;  ///< float32, the policy's own memory
};

}  // namespace gradus::policy
