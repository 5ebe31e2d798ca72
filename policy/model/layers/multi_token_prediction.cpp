// Shapes: T rows, D model width.
#include "policy/model/layers/multi_token_prediction.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "policy/model/layers/attention.h"
#include "policy/model/layers/feed_forward.h"

namespace gradus::policy {

PredictionModule::PredictionModule(const ModelConfig& c, int layer, WeightBuilder& builder) {
  const auto without = builder.without_adapters();
  builder.norm(embedding_norm_, {TensorRole::mtp_embedding_norm, layer}, c.rms_norm_eps);
  builder.norm(hidden_norm_, {TensorRole::mtp_hidden_norm, layer}, c.rms_norm_eps);
  builder.linear(projection_, {TensorRole::mtp_projection, layer});
  attention_ = make_attention(c, layer, builder);
  feed_forward_ = make_feed_forward(c, layer, builder);
  builder.norm(norm_, {TensorRole::mtp_final_norm, layer}, c.rms_norm_eps);
}

at::Tensor PredictionModule::apply(const at::Tensor& embedded_TD, const at::Tensor& hidden_TD,
                                   const LayerCall& call) const {
  const auto& ops = call.ops;
  // The embedding first, as in the published checkpoints.
  const auto both = at::cat({ops.norm(embedded_TD, embedding_norm_, 1, call.team),
                             ops.norm(hidden_TD, hidden_norm_, 1, call.team)},
                            1);
  const auto nothing_TD =
      at::zeros(embedded_TD.sizes(), embedded_TD.options().requires_grad(false));
  auto x_TD = ops.linear_residual(both, projection_, nothing_TD, false, call.team);
  x_TD = feed_forward_->apply(attention_->apply(x_TD, call), call);
  return ops.norm(x_TD, norm_, 1, call.team);
}

void PredictionModule::publish(const PredictionModule& trained, const Ops& ops, ThreadTeam& team) {
  attention_->publish(*trained.attention_, ops, team);
}

}  // namespace gradus::policy
