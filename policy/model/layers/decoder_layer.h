#pragma once

#include <memory>
#include <optional>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// h = x + attention(x), y = h + feed_forward(h), each half with a norm before it, behind it, or
/// both (ModelConfig::norm_before, norm_behind).
class DecoderLayer {
 public:
  /// @param layer  in config.layers; from num_layers on that of a prediction module.
  DecoderLayer(const ModelConfig& config, int layer, WeightBuilder& builder);

  at::Tensor apply(const at::Tensor& x_TD, const LayerCall& call) const;
  /// As AttentionBlock::publish.
  void publish(const DecoderLayer& trained, const Ops& ops, ThreadTeam& team);

 private:
  std::unique_ptr<AttentionBlock> attention_;
  std::optional<Norm> attention_post_norm_;
  std::unique_ptr<FeedForwardBlock> feed_forward_;
  std::optional<Norm> feed_forward_post_norm_;
};

}  // namespace gradus::policy
