#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "policy/ops/ops.h"

namespace gradus::policy {

/// What every layer of one call shares.
struct LayerCall {
  const Ops& ops;
  ThreadTeam& team;
  std::shared_ptr<const std::vector<int32_t>> positions;  ///< [T]
  RopeTable rope;
  RopeTable local_rope;  ///< of layers with has_local_rope; undefined where there are none
  std::shared_ptr<AttentionPlan> plan;
  bool use_adapters = true;
  bool is_paged = false;  ///< keys are those of a cache, and nothing is recorded
  LayerRouting routing;
};

/// One half of a layer: residual + f(norm(x)), or residual + f(x) where the model has no norms
/// before its blocks; x and the result are the residual stream, [T, D] float32.
class Block {
 public:
  virtual ~Block() = default;
  /// @param residual_TD  x itself, or zeros where a norm follows (DecoderLayer).
  virtual at::Tensor apply(const at::Tensor& x_TD, const at::Tensor& residual_TD,
                           const LayerCall& call) const = 0;
};

/// A kind of attention is one class and one line in attention.cpp.
class AttentionBlock : public Block {
 public:
  /// After weights were published: forms of its own that it makes of them. The values are those of
  /// `trained`: itself, or the same layer of the policy that this one samples for.
  virtual void publish(const AttentionBlock& trained, const Ops& ops, ThreadTeam& team) {
    static_cast<void>(trained), static_cast<void>(ops), static_cast<void>(team);
  }
};

class FeedForwardBlock : public Block {};

/// For Ops: null where there is none.
inline const Norm* norm_or_null(const std::optional<Norm>& norm) {
  return norm ? &*norm : nullptr;
}

}  // namespace gradus::policy
