#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "policy/ops/ops.h"

namespace gradus::policy {

/// Attention of plain ATen operations; the functions of Ops with these names.

/// What results are made as.
struct TensorKind {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
};

at::Tensor as_longs(const std::vector<int64_t>& values, at::Device device);

std::shared_ptr<AttentionPlan> reference_plan(const PackedBatch& batch, at::Device device);
std::shared_ptr<AttentionPlan> reference_plan(const DecodeBatch& batch, KvCache& cache,
                                              at::Device device);

at::Tensor reference_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const AttentionArgs& args, const AttentionPlan& plan,
                               const TensorKind& as, ThreadTeam& team);
at::Tensor reference_latent_attention(const at::Tensor& q, const at::Tensor& entries,
                                      const AbsorbedWeights& weights, const LatentArgs& args,
                                      const AttentionPlan& plan, const TensorKind& as,
                                      ThreadTeam& team);

}  // namespace gradus::policy
