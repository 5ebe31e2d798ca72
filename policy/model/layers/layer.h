#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "policy/ops/ops.h"

namespace gradus::policy {

/// What every layer of one call shares.
struct LayerCall {
  const Ops& ops;
  ThreadTeam& team;
  std::shared_ptr<const std::vector<int32_t>> positions;  ///< [T]
  RopeTable rope;
  std::shared_ptr<AttentionPlan> plan;
  bool use_adapters = true;
  bool is_paged = false;  ///< keys are those of a cache, and nothing is recorded
  LayerRouting routing;
};

/// h = x + attention(norm(x)): x and the result are the residual stream, [T, D] float32.
/// A kind of attention is one class and one line in attention.cpp.
class AttentionBlock {
 public:
  virtual ~AttentionBlock() = default;
  virtual at::Tensor apply(const at::Tensor& x_TD, const LayerCall& call) const = 0;
  /// After weights were published: forms of its own that it makes of them. The values are those of
  /// `trained`: itself, or the same layer of the policy that this one samples for.
  virtual void publish(const AttentionBlock& trained, const Ops& ops, ThreadTeam& team) {
    static_cast<void>(trained), static_cast<void>(ops), static_cast<void>(team);
  }
};

/// y = h + feed_forward(norm(h)).
class FeedForwardBlock {
 public:
  virtual ~FeedForwardBlock() = default;
  virtual at::Tensor apply(const at::Tensor& h_TD, const LayerCall& call) const = 0;
};

}  // namespace gradus::policy
