#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "policy/formats/model_config.h"
#include "policy/kernels/attention.h"

namespace gradus::policy {

inline constexpr int kBlockTokens = kernels::kBlockTokens;

struct RoutingPass;

/// Layers that a cache holds: the model's own, and the prediction modules that draft tokens.
enum class CachedLayers { model, with_prediction_modules };

/// Keys and values of all layers in blocks of 16 tokens; of latent attention one entry of the
/// normed latent and the turned rope key per token, unless the config expands it. Owns memory,
/// knows nothing of sequences: who holds which block is BlockPool's matter. One thread at a time.
class KvCache {
 public:
  /// @param dtype  at::kFloat or at::kBFloat16.
  KvCache(const ModelConfig& config, at::ScalarType dtype, at::Device device, int64_t num_blocks,
          CachedLayers layers = CachedLayers::model);

  static int64_t bytes_per_block(const ModelConfig& config, at::ScalarType dtype,
                                 CachedLayers layers = CachedLayers::model);

  int64_t num_blocks() const { return num_blocks_; }
  /// Copies a block in every layer (copy on write of a shared, partly filled block).
  void copy_block(int32_t from, int32_t to);

  /// CPU: the raw layer that the kernels read.
  kernels::KvLayer layer(int index) const;
  /// Other devices: [num_blocks, 16, kv_heads, dim]; latent entries are values without keys.
  const at::Tensor& keys(int index) const { return keys_[static_cast<size_t>(index)]; }
  const at::Tensor& values(int index) const { return values_[static_cast<size_t>(index)]; }

 private:
  int64_t num_blocks_;
  std::vector<at::Tensor> storage_;  ///< CPU: [num_blocks, block_bytes] uint8 per layer
  std::vector<at::Tensor> keys_;
  std::vector<at::Tensor> values_;
  std::vector<kernels::KvLayout> layouts_;
};

/// Blocks handed out by reference count. A block with more than one holder is read-only.
class BlockPool {
 public:
  explicit BlockPool(int64_t num_blocks);

  int64_t num_free() const { return static_cast<int64_t>(free_.size()); }
  int64_t num_blocks() const { return static_cast<int64_t>(holders_.size()); }
  /// A block with one holder; -1 when none is free.
  int32_t allocate();
  void share(int32_t block);
  void release(int32_t block);
  bool is_shared(int32_t block) const { return holders_[static_cast<size_t>(block)] > 1; }

 private:
  std::vector<int32_t> free_;
  std::vector<int32_t> holders_;
};

/// Rows of one decode call; prefill and decode rows may be mixed, rows of one sequence stand in
/// order of their places. Blocks for all rows' places are already in the tables.
struct DecodeBatch {
  std::vector<int64_t> tokens;                         ///< [R]
  std::vector<int32_t> places;                         ///< [R] position in the sequence
  std::vector<int32_t> sequences;                      ///< [R] index into block_tables
  std::vector<std::span<const int32_t>> block_tables;  ///< per sequence
  std::vector<int64_t> logit_rows;                     ///< rows whose logits are wanted
  RoutingPass* routing = nullptr;                      ///< as PackedBatch::routing
  int32_t first_place = 0;  ///< places before it have no keys (of a prediction module)
};

}  // namespace gradus::policy
