#include "tests/rl/tiny_policy.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "base/random.h"

namespace gradus::rl {
namespace {

constexpr int64_t kVocabulary = 8;
constexpr int64_t kDim = 4;

policy::Parameter parameter(const std::string& name, at::IntArrayRef shape, double centre,
                            RandomStream& random) {
  at::Tensor value = at::zeros(shape, at::kFloat);
  float* data = value.mutable_data_ptr<float>();
  for (int64_t i = 0; i < value.numel(); ++i) {
    data[i] = static_cast<float>(centre + random.normal());
  }
  value.set_requires_grad(true);
  // Autograd adds in place to a gradient that is there already.
  value.mutable_grad() = at::zeros(shape, at::kFloat);
  return {name, value, value.mutable_grad()};
}

/// [T, T] each row the mean over the rows that it sees.
at::Tensor mixing_matrix(const policy::PackedBatch& batch) {
  const int64_t T = batch.num_rows();
  at::Tensor matrix = at::zeros({T, T}, at::kFloat);
  float* m = matrix.mutable_data_ptr<float>();
  for (const policy::Segment& segment : batch.segments) {
    policy::Segment prefix;
    if (segment.prefix >= 0) prefix = batch.segments[static_cast<size_t>(segment.prefix)];
    for (int64_t i = 0; i < segment.length; ++i) {
      const float share = 1.0F / static_cast<float>(prefix.length + i + 1);
      float* row = m + (segment.begin + i) * T;
      for (int64_t j = 0; j < prefix.length; ++j) row[prefix.begin + j] = share;
      for (int64_t j = 0; j <= i; ++j) row[segment.begin + j] = share;
    }
  }
  return matrix;
}

at::Tensor indices(const std::vector<int64_t>& values) {
  at::Tensor tensor = at::zeros({static_cast<int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor;
}

}  // namespace

TinyPolicy::TinyPolicy(uint64_t seed) {
  // Of a model of one layer, for the formulas of work.
  model_config_ = policy::parse_model_config(
      nlohmann::json::parse(
          R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8,
              "hidden_size": 4, "intermediate_size": 16, "num_hidden_layers": 1,
              "num_attention_heads": 1, "num_key_value_heads": 1, "max_position_embeddings": 64,
              "rms_norm_eps": 1e-6, "hidden_act": "silu", "tie_word_embeddings": true})"),
      "tiny");
  RandomStream random(seed);
  parameters_.push_back(parameter("embedding", {kVocabulary, kDim}, 0.0, random));
  parameters_.push_back(parameter("mix", {kDim, kDim}, 0.0, random));
  parameters_.push_back(parameter("gain", {kDim}, 1.0, random));
}

at::Tensor TinyPolicy::forward(const policy::PackedBatch& batch, ThreadTeam&, bool) const {
  ++num_forwards_;
  const at::Tensor& embedding = parameters_[0].value;
  const auto rows_TD = embedding.index_select(0, indices(batch.tokens));
  const auto mixed_TD = at::matmul(mixing_matrix(batch), rows_TD);
  return at::matmul(mixed_TD, parameters_[1].value).tanh() * parameters_[2].value;
}

policy::Scores TinyPolicy::score(const at::Tensor& hidden, const policy::ScoreList& list,
                                 double temperature, ThreadTeam&, bool) const {
  const auto rows_SD = hidden.index_select(0, indices(list.rows));
  const auto logits_SV = at::matmul(rows_SD, parameters_[0].value.t()) / temperature;
  const auto logprobs_SV = at::log_softmax(logits_SV, 1);
  const auto target_S1 = indices(list.targets).unsqueeze(1);
  return {logprobs_SV.gather(1, target_S1).squeeze(1), -(logprobs_SV.exp() * logprobs_SV).sum(1)};
}

at::Tensor TinyPolicy::decode(const policy::DecodeBatch&, policy::KvCache&, ThreadTeam&) const {
  throw std::logic_error("TinyPolicy does not decode");
}
at::Tensor TinyPolicy::logits(const at::Tensor&, std::span<const int64_t>, ThreadTeam&) const {
  throw std::logic_error("TinyPolicy gives no logits");
}
void TinyPolicy::save(const std::filesystem::path&, bool) const {
  throw std::logic_error("TinyPolicy is not saved");
}
void TinyPolicy::save_adapters(const std::filesystem::path&) const {
  throw std::logic_error("TinyPolicy has no adapters");
}

std::vector<at::Tensor> TinyPolicy::copy_values() const {
  std::vector<at::Tensor> copies;
  for (const auto& p : parameters_) copies.push_back(p.value.detach().clone());
  return copies;
}

std::vector<at::Tensor> TinyPolicy::copy_gradients() const {
  std::vector<at::Tensor> copies;
  for (const auto& p : parameters_) copies.push_back(p.grad.clone());
  return copies;
}

}  // namespace gradus::rl
