#pragma once

#include <ATen/core/Tensor.h>

#include "policy/kernels/optimizer/adamw.h"

namespace gradus::rl {

/// The step of policy/kernels/optimizer/adamw.h in ATen operations, for devices other than the CPU;
/// equal to the kernel up to rounding. Changes value and moments in place; grad mode is off.
///
/// @param value, grad, exp_avg, exp_avg_sq  float32 of one shape, on one device.
void tensor_adamw_step(const at::Tensor& value, const at::Tensor& grad, const at::Tensor& exp_avg,
                       const at::Tensor& exp_avg_sq, const policy::kernels::AdamWStep& step);

}  // namespace gradus::rl
