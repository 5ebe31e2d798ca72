#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "policy/policy.h"

namespace gradus::rl {

/// The smallest policy with a prompt-dependent distribution, in plain ATen: a row's hidden state is
/// tanh(mean of the embeddings of its sequence so far * mix) * gain, its logits the products with
/// the embeddings. Knows packing and shared prompts, not decoding. 8 tokens, 4 dimensions.
class TinyPolicy : public policy::Policy {
 public:
  explicit TinyPolicy(uint64_t seed);

  const policy::ModelConfig& model_config() const override { return model_config_; }
  const policy::PolicyConfig& policy_config() const override { return policy_config_; }
  at::Device device() const override { return at::kCPU; }
  at::ScalarType compute_dtype() const override { return at::kFloat; }
  at::Tensor forward(const policy::PackedBatch& batch, ThreadTeam& team,
                     bool use_adapters) const override;
  policy::Scores score(const at::Tensor& hidden, const policy::ScoreList& list, double temperature,
                       ThreadTeam& team, bool use_adapters) const override;
  at::Tensor decode(const policy::DecodeBatch& batch, policy::KvCache& cache,
                    ThreadTeam& team) const override;
  at::Tensor logits(const at::Tensor& hidden, std::span<const int64_t> rows,
                    ThreadTeam& team) const override;
  std::vector<policy::Parameter>& parameters() override { return parameters_; }
  void publish_weights(ThreadTeam&) override { ++version_; }
  int64_t version() const override { return version_; }
  void save(const std::filesystem::path& dir, bool merged) const override;
  void save_adapters(const std::filesystem::path& dir) const override;
  int64_t weight_bytes() const override { return 0; }

  /// Forward calls so far.
  int64_t num_forwards() const { return num_forwards_; }
  std::vector<at::Tensor> copy_values() const;
  std::vector<at::Tensor> copy_gradients() const;

 private:
  policy::ModelConfig model_config_;
  policy::PolicyConfig policy_config_;
  std::vector<policy::Parameter> parameters_;
  int64_t version_ = 0;
  mutable int64_t num_forwards_ = 0;
};

}  // namespace gradus::rl
