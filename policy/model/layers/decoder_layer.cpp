// Shapes: T rows, D model width.
#include "policy/model/layers/decoder_layer.h"

#include <ATen/ops/zeros.h>

#include "policy/model/layers/attention.h"
#include "policy/model/layers/feed_forward.h"

namespace gradus::policy {
namespace {

at::Tensor with_block(const at::Tensor& x_TD, const Block& block,
                      const std::optional<Norm>& post_norm, const LayerCall& call) {
  if (!post_norm) return block.apply(x_TD, x_TD, call);
  const auto nothing_TD = at::zeros(x_TD.sizes(), x_TD.options().requires_grad(false));
  return call.ops.norm_residual(block.apply(x_TD, nothing_TD, call), *post_norm, x_TD, call.team);
}

}  // namespace

DecoderLayer::DecoderLayer(const ModelConfig& c, int layer, WeightBuilder& builder)
    : attention_(make_attention(c, layer, builder)) {
  if (c.norm_behind) {
    builder.norm(attention_post_norm_.emplace(), {TensorRole::attention_post_norm, layer},
                 c.rms_norm_eps);
  }
  feed_forward_ = make_feed_forward(c, layer, builder);
  if (c.norm_behind) {
    builder.norm(feed_forward_post_norm_.emplace(), {TensorRole::ffn_post_norm, layer},
                 c.rms_norm_eps);
  }
}

at::Tensor DecoderLayer::apply(const at::Tensor& x_TD, const LayerCall& call) const {
  const auto h_TD = with_block(x_TD, *attention_, attention_post_norm_, call);
  return with_block(h_TD, *feed_forward_, feed_forward_post_norm_, call);
}

void DecoderLayer::publish(const DecoderLayer& trained, const Ops& ops, ThreadTeam& team) {
  attention_->publish(*trained.attention_, ops, team);
}

}  // namespace gradus::policy
