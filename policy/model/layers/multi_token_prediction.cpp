// Shapes: T rows, D model width.
#include "policy/model/layers/multi_token_prediction.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

namespace gradus::policy {

PredictionModule::PredictionModule(const ModelConfig& c, int layer, WeightBuilder& builder) {
  const auto without = builder.without_adapters();
  builder.norm(embedding_norm_, {TensorRole::mtp_embedding_norm, layer}, c.rms_norm_eps);
  builder.norm(hidden_norm_, {TensorRole::mtp_hidden_norm, layer}, c.rms_norm_eps);
  builder.linear(projection_, {TensorRole::mtp_projection, layer});
  layer_.emplace(c, layer, builder);
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
  const auto x_TD = ops.linear_residual(both, projection_, nothing_TD, false, call.team);
  return ops.norm(layer_->apply(x_TD, call), norm_, 1, call.team);
}

void PredictionModule::publish(const PredictionModule& trained, const Ops& ops, ThreadTeam& team) {
  layer_->publish(*trained.layer_, ops, team);
}

}  // namespace gradus::policy
