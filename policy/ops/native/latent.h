#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "policy/ops/ops.h"

namespace gradus::policy {

/// Latent attention on the CPU kernels; the functions of Ops with these names.
std::pair<at::Tensor, at::Tensor> native_latent_keys(const at::Tensor& kv, const at::Tensor& k_rope,
                                                     const LatentArgs& args, ThreadTeam& team);
void native_absorb(AbsorbedWeights& weights, const at::Tensor& kv_b, const LatentArgs& args,
                   kernels::Type type, ThreadTeam& team);
at::Tensor native_latent_attention(const at::Tensor& q, const at::Tensor& entries,
                                   const AbsorbedWeights& weights, const LatentArgs& args,
                                   const AttentionPlan& plan, ThreadTeam& team);

}  // namespace gradus::policy
