#pragma once

#include <ATen/ops/empty.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "base/random.h"
#include "policy/policy.h"

namespace gradus::rollout::testing {

/// A policy whose logits are a hash of the tokens so far, read back from the cache's own memory
/// through the block tables: a block shared or overwritten wrongly changes the result.
class HashPolicy : public policy::Policy {
 public:
  explicit HashPolicy(int64_t vocab_size = 27, int64_t context = 200) {
    model_.vocab_size = vocab_size;
    model_.max_position_embeddings = context;
    model_.num_layers = 1;
    model_.num_heads = model_.num_kv_heads = 1;
    model_.head_dim = 2;
    model_.layers.resize(1);
  }

  /// Logits after `history`.
  std::vector<float> logits_after(const std::vector<int32_t>& history) const {
    uint64_t hash = 1469598103934665603ULL;
    for (const int32_t token : history)
      hash = (hash ^ static_cast<uint64_t>(token + 1)) * 1099511628211ULL;
    RandomStream random(hash);
    std::vector<float> logits(static_cast<size_t>(model_.vocab_size));
    for (float& z : logits) z = static_cast<float>(2.0 * random.normal());
    if (poison >= 0 && history.back() == poison)
      logits[0] = std::numeric_limits<float>::quiet_NaN();
    return logits;
  }

  at::Tensor decode(const policy::DecodeBatch& batch, policy::KvCache& cache,
                    ThreadTeam&) const override {
    ++decode_calls;
    if (static_cast<int64_t>(batch.tokens.size()) > most_rows) throw std::bad_alloc();
    const auto layer = cache.layer(0);
    const auto slot = [&](size_t r, int32_t place) {
      const auto& table = batch.block_tables[static_cast<size_t>(batch.sequences[r])];
      const int32_t block = table[static_cast<size_t>(place / 16)];
      return layer.data + block * layer.layout.block_bytes() + (place % 16) * 16;
    };
    for (size_t r = 0; r < batch.tokens.size(); ++r) {
      if (batch.tokens[r] == cursed) throw std::runtime_error("cursed token");
      const int64_t entry[2] = {batch.tokens[r], batch.places[r]};
      std::memcpy(slot(r, batch.places[r]), entry, sizeof(entry));
    }
    auto logits =
        at::empty({static_cast<int64_t>(batch.logit_rows.size()), model_.vocab_size}, at::kFloat);
    float* out = logits.data_ptr<float>();
    for (const int64_t row : batch.logit_rows) {
      const auto r = static_cast<size_t>(row);
      std::vector<int32_t> history;
      for (int32_t place = 0; place <= batch.places[r]; ++place) {
        int64_t entry[2];
        std::memcpy(entry, slot(r, place), sizeof(entry));
        if (entry[1] != place) throw std::logic_error("the cache holds another place's token");
        history.push_back(static_cast<int32_t>(entry[0]));
      }
      const auto z = logits_after(history);
      out = std::copy(z.begin(), z.end(), out);
    }
    return logits;
  }

  const policy::ModelConfig& model_config() const override { return model_; }
  const policy::PolicyConfig& policy_config() const override { return config_; }
  at::Device device() const override { return at::kCPU; }
  at::ScalarType compute_dtype() const override { return at::kFloat; }
  at::Tensor forward(const policy::PackedBatch&, ThreadTeam&, bool) const override { return {}; }
  policy::Scores score(const at::Tensor&, const policy::ScoreList&, double, ThreadTeam&,
                       bool) const override {
    return {};
  }
  at::Tensor logits(const at::Tensor&, std::span<const int64_t>, ThreadTeam&) const override {
    return {};
  }
  std::vector<policy::Parameter>& parameters() override { return parameters_; }
  void publish_weights(ThreadTeam&) override {}
  int64_t version() const override { return 5; }
  void save(const std::filesystem::path&, bool) const override {}
  void save_adapters(const std::filesystem::path&) const override {}
  int64_t weight_bytes() const override { return 0; }

  int64_t most_rows = std::numeric_limits<int64_t>::max();  ///< more rows: out of memory
  int64_t cursed = -1;                                      ///< a call with this token throws
  int32_t poison = -1;  ///< after this token the logits hold NaN
  mutable std::atomic<int64_t> decode_calls{0};

 private:
  policy::ModelConfig model_;
  policy::PolicyConfig config_;
  std::vector<policy::Parameter> parameters_;
};

}  // namespace gradus::rollout::testing
