#pragma once

#include <ATen/core/Tensor.h>

#include "policy/ops/ops.h"

namespace gradus::policy {

/// Ops::mixture_residual on the CPU kernels.
at::Tensor native_mixture(const at::Tensor& x_TD, const Norm* norm, const Mixture& mixture,
                          const at::Tensor& residual_TD, bool use_adapters,
                          const LayerRouting& routing, at::ScalarType dtype, ThreadTeam& team);

}  // namespace gradus::policy
