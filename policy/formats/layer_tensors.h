#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/formats/expected_tensors.h"

namespace gradus::policy {

/// One tensor of a layer, or as many of one shape as the layer has experts. Everything that depends
/// on a layer's kind and needs no weights (the checkpoint's names, counts of parameters and
/// operations, sizes of adapters, activations) follows from this list.
struct LayerTensor {
  TensorRole role = TensorRole::query;
  std::vector<int64_t> shape;  // [out, in] for matrices, [n] for norms and biases
  bool is_bias = false;
  bool is_expert = false;
  int64_t count = 1;      // that the layer holds: experts
  int64_t num_used = 1;   // that one token passes through: experts per token
  std::string_view stem;  // "self_attn.q_proj": the family's name; experts have {} for their number

  bool is_matrix() const { return shape.size() == 2; }
  int64_t num_elements() const { return is_matrix() ? shape[0] * shape[1] : shape[0]; }
};

/// The tensors of a layer in the order of the forward pass; layers from num_layers on are
/// multi-token prediction modules (DeepSeek-V3, arXiv:2412.19437, 2.2), without the copies of
/// embedding and head that their checkpoints hold.
std::vector<LayerTensor> layer_tensors(const ModelConfig& config, int64_t layer);

/// Layers of one kind among the model's own (without prediction modules); only their windows and
/// ropes may differ.
struct LayerKind {
  int64_t layer = 0;  // the first of them
  int64_t count = 0;
};
std::vector<LayerKind> layer_kinds(const ModelConfig& config);

/// The part of a layer a role belongs to.
enum class LayerPart { attention, feed_forward, norm, prediction };
LayerPart part_of(TensorRole role);

}  // namespace gradus::policy
