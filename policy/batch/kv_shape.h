#pragma once

#include <cstdint>

namespace gradus::policy {

struct ModelConfig;

/// A layer's keys and values of one token, where every head that has some keeps its own.
struct KvShape {
  int heads = 0;
  int key_dim = 0;
  int value_dim = 0;
};

/// Of latent attention in the expanded form; its keys have a zero behind them where their width is
/// odd, as the kernels take pairs.
KvShape kv_shape(const ModelConfig& config, int64_t layer);

}  // namespace gradus::policy
