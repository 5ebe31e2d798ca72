#pragma once

#include <optional>

#include "policy/model/layers/decoder_layer.h"
#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// A multi-token prediction module (DeepSeek-V3, arXiv:2412.19437, 2.2): from a hidden state at
/// place i and the token at i + k, a hidden state that predicts the token at i + k + 1 through the
/// model's own head. Embedding and head are the model's; the copies that checkpoints hold are
/// written and not read. It gets no adapters: with LoRA it stays what the base was trained with.
///
///   x = eh_proj [enorm(embedded) ; hnorm(hidden)];  h = norm(layer(x))
class PredictionModule {
 public:
  /// @param layer  num_layers + k: its place in config.layers, the cache and the checkpoint.
  PredictionModule(const ModelConfig& config, int layer, WeightBuilder& builder);

  /// @param embedded_TD  float32.  @param hidden_TD  after the final norm of what is before it.
  at::Tensor apply(const at::Tensor& embedded_TD, const at::Tensor& hidden_TD,
                   const LayerCall& call) const;
  /// As AttentionBlock::publish.
  void publish(const PredictionModule& trained, const Ops& ops, ThreadTeam& team);

 private:
  Norm embedding_norm_;
  Norm hidden_norm_;
  Linear projection_;
  std::optional<DecoderLayer> layer_;  ///< made after the projection, as tensors are ordered
  Norm norm_;
};

}  // namespace gradus::policy
