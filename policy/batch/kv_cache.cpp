#include "policy/batch/kv_cache.h"

#include <ATen/ops/empty.h>

#include <cstring>

#include "base/error.h"
#include "policy/batch/kv_shape.h"
#include "policy/kernels/latent_attention.h"

namespace gradus::policy {
namespace {

kernels::KvLayout layout_of(const ModelConfig& config, int64_t layer, at::ScalarType dtype) {
  const auto type = dtype == at::kBFloat16 ? kernels::Type::bf16 : kernels::Type::f32;
  const bool is_latent =
      config.layers[static_cast<size_t>(layer)].attention == AttentionKind::latent;
  if (is_latent && !config.latent.expand_cache) {
    return kernels::latent_layout(static_cast<int>(config.latent.kv_rank),
                                  static_cast<int>(config.latent.rope_dim), type);
  }
  const KvShape shape = kv_shape(config, layer);
  return {shape.heads, shape.key_dim, shape.value_dim, type};
}

int64_t num_cached(const ModelConfig& config, CachedLayers layers) {
  return config.num_layers +
         (layers == CachedLayers::with_prediction_modules ? config.num_mtp_layers : 0);
}

}  // namespace

int64_t KvCache::bytes_per_block(const ModelConfig& config, at::ScalarType dtype,
                                 CachedLayers layers) {
  int64_t bytes = 0;
  for (int64_t l = 0; l < num_cached(config, layers); ++l) {
    bytes += layout_of(config, l, dtype).block_bytes();
  }
  return bytes;
}

KvCache::KvCache(const ModelConfig& config, at::ScalarType dtype, at::Device device,
                 int64_t num_blocks, CachedLayers layers)
    : num_blocks_(num_blocks) {
  if (num_blocks < 1) throw ArgumentError("KV cache: needs at least one block");
  for (int64_t l = 0; l < num_cached(config, layers); ++l) {
    const auto layout = layout_of(config, l, dtype);
    layouts_.push_back(layout);
    if (device.is_cpu()) {
      storage_.push_back(at::empty({num_blocks, layout.block_bytes()}, at::kByte));
      continue;
    }
    const auto options = at::TensorOptions().dtype(dtype).device(device);
    keys_.push_back(
        at::empty({num_blocks, kBlockTokens, layout.kv_heads, layout.key_dim}, options));
    values_.push_back(
        at::empty({num_blocks, kBlockTokens, layout.kv_heads, layout.value_dim}, options));
  }
}

kernels::KvLayer KvCache::layer(int index) const {
  const auto& storage = storage_[static_cast<size_t>(index)];
  return {static_cast<std::byte*>(storage.data_ptr()), num_blocks_,
          layouts_[static_cast<size_t>(index)]};
}

void KvCache::copy_block(int32_t from, int32_t to) {
  for (size_t l = 0; l < layouts_.size(); ++l) {
    if (!storage_.empty()) {
      auto* data = static_cast<std::byte*>(storage_[l].data_ptr());
      const int64_t bytes = layouts_[l].block_bytes();
      std::memcpy(data + to * bytes, data + from * bytes, static_cast<size_t>(bytes));
    } else {
      keys_[l].select(0, to).copy_(keys_[l].select(0, from));
      values_[l].select(0, to).copy_(values_[l].select(0, from));
    }
  }
}

BlockPool::BlockPool(int64_t num_blocks) : holders_(static_cast<size_t>(num_blocks), 0) {
  free_.reserve(static_cast<size_t>(num_blocks));
  for (int64_t b = num_blocks - 1; b >= 0; --b) free_.push_back(static_cast<int32_t>(b));
}

int32_t BlockPool::allocate() {
  if (free_.empty()) return -1;
  const int32_t block = free_.back();
  free_.pop_back();
  holders_[static_cast<size_t>(block)] = 1;
  return block;
}

void BlockPool::share(int32_t block) {
  ++holders_[static_cast<size_t>(block)];
}

void BlockPool::release(int32_t block) {
  if (--holders_[static_cast<size_t>(block)] == 0) free_.push_back(block);
}

}  // namespace gradus::policy
