#pragma once

#include <cstdint>
#include <span>

#include "policy/batch/packed_batch.h"
#include "policy/formats/model_config.h"
#include "policy/policy_config.h"

namespace gradus::rl {

/// What the matrix products of a policy's passes cost, in floating-point operations (a multiply-add
/// is 2), as the kernels do them. In one token's products there are
///
///   layers     2 * matrices of all layers but the head; of the routed experts, the chosen ones
///   adapters   2 * rank * (in + out) of every adapted matrix
///   keys       2 * heads * (key_dim + value_dim) per layer and key that the token sees; where
///              latent attention decodes in its absorbed form 2 * heads * (2 kv_rank + rope_dim)
///   head       2 * vocabulary * width, of the rows that are scored or sampled from alone
///
///   forward    once each
///   training   layers 3 times (adapters alone are trained: 2 times, A 4 and B 3 times), keys
///              1 + 2.5 times (the backward pass computes scores anew: five products for two), head
///              4 times (logits are computed anew; frozen: 3 times); with activation checkpointing
///              layers, adapters and keys once more
///
/// Norms, softmax, rotary embeddings, the optimizer and padding are left out. A test compares with
/// policy/kernels/product_count.h.
class WorkModel {
 public:
  WorkModel(const policy::ModelConfig& model, const policy::PolicyConfig& policy);

  /// Rows of a sequence from place `first` on, of which `scored` meet the head.
  double forward(int64_t first, int64_t length, int64_t scored) const;
  /// The same in the form in which rollouts decode.
  double decode(int64_t first, int64_t length, int64_t scored) const;
  double training(int64_t first, int64_t length, int64_t scored) const;
  /// Training of one multi-token prediction module on as many rows.
  /// @param reaches_model  gradients go on into the model's own layers (the head's weights).
  double prediction_training(int64_t first, int64_t length, int64_t scored,
                             bool reaches_model) const;
  /// The same of a packed batch's rows, the prefixes of its segments before them.
  double forward(const policy::PackedBatch& batch, int64_t scored) const;
  double training(const policy::PackedBatch& batch, int64_t scored) const;
  double prediction_training(const policy::PackedBatch& batch, int64_t scored,
                             bool reaches_model) const;
  /// A prompt's prefill and the sampling of its completions: the last token of each is not read.
  double rollout(int64_t prompt, std::span<const int64_t> completions) const;

 private:
  /// Multiply-adds of one query and key in one layer.
  struct KeyCost {
    double forward = 0.0;
    double backward = 0.0;
    double decode = 0.0;
  };
  KeyCost key_cost(int64_t layer) const;
  /// Of all layers of the model, by the part `cost` of a layer's key_cost.
  double keys(double KeyCost::*cost, int64_t first, int64_t length) const;

  policy::ModelConfig model_;
  bool absorbs_ = false;
  bool is_checkpointed_ = false;
  bool is_adapted_ = false;  ///< adapters alone are trained
  double layers_ = 0.0;      ///< per row
  double adapters_a_ = 0.0;  ///< per row
  double adapters_b_ = 0.0;
  double absorbed_ =
      0.0;             ///< of those, what the absorbed form holds merged: none of it in decoding
  double head_ = 0.0;  ///< per scored row
  double head_a_ = 0.0;
  double head_b_ = 0.0;
  double module_ = 0.0;  ///< per row of one prediction module, without head
};

/// The same of a layer's attention for `length` queries from place `first` on, causal, with the
/// layer's window: pairs of a query and a key that it sees.
double seen_keys(int64_t first, int64_t length, int64_t window);

}  // namespace gradus::rl
