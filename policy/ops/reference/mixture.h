#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "policy/ops/ops.h"

namespace gradus::policy {

at::Tensor reference_activation(const at::Tensor& gate, Activation activation);

/// The routed part of a mixture in ATen's operations, on any device; Ops::mixture_residual without
/// the norm.
/// @param h_TD      normed, in the compute dtype.
/// @param router    [E, D] float32, a function of the trained value where grad mode is on.
/// @param linear    a linear layer in the compute dtype.
at::Tensor reference_mixture(
    const at::Tensor& h_TD, const Mixture& mixture, const at::Tensor& residual_TD,
    const at::Tensor& router, const LayerRouting& routing, ThreadTeam& team,
    const std::function<at::Tensor(const Linear&, const at::Tensor&)>& linear);

}  // namespace gradus::policy
