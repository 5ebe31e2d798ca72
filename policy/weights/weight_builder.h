#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "policy/formats/expected_tensors.h"
#include "policy/ops/ops.h"
#include "policy/ops/weights.h"
#include "policy/policy_config.h"
#include "policy/weights/parameter.h"
#include "policy/weights/peft/adapter_plan.h"

namespace gradus::policy {

/// Fills `out` with the float32 values of a tensor of the checkpoint (or with fresh ones).
using TensorSource = std::function<void(const std::string& name, const std::vector<int64_t>& shape,
                                        std::span<float> out)>;

/// A tensor of the model: what it does, in which layer (-1: in none), of which routed expert.
struct TensorPlace {
  TensorRole role = TensorRole::embedding;
  int64_t layer = -1;
  int64_t expert = -1;
};

/// Whose weights are created, and for what; what is named here must outlive the builder.
struct WeightRequest {
  const PolicyConfig& config;
  const ModelConfig& model;
  Purpose purpose = Purpose::inference;
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  const Ops& ops;
  TensorSource source;
  ThreadTeam& team;
  const LiveAdapters* adapters = nullptr;  ///< of a file; null: fresh ones by config.lora
};

/// Creates the policy's weights in the forms its purpose needs, under the names and in the shapes
/// that the model's family gives them (expected_tensors), and remembers them for publishing, the
/// optimizer and saving. The weights it fills must stay where they are.
class WeightBuilder {
 public:
  explicit WeightBuilder(WeightRequest request);

  /// From here on the linear layers that DeepSeek-V3 keeps in FP8 are rounded for compute.
  /// @param fp8_products  their products' other sides as well.
  void round(Rounding rounding, bool fp8_products);

  /// With a bias where the model has one, and adapters where a file or lora.targets name it.
  void linear(Linear& linear, const TensorPlace& place);
  /// The absorbed form of latent attention's kv_b, which `linear` filled.
  void absorbed(AbsorbedWeights& weights, const Linear& kv_b, const LatentArgs& args);
  /// A router's matrix, which computes in float32 and never has adapters.
  void router(Weight& weight, const TensorPlace& place);
  /// A vector that training moves by a rule of its own.
  void buffer(VectorWeight& vector, const TensorPlace& place);
  void norm(Norm& norm, const TensorPlace& place, double eps);
  /// @param is_head  the table serves as the head as well (tied embeddings).
  void embedding(Linear& table, bool is_head);

  /// While the result lives, linear layers get no adapters.
  class WithoutAdapters {
   public:
    explicit WithoutAdapters(WeightBuilder& builder) : builder_(builder) {
      builder_.adds_adapters_ = false;
    }
    ~WithoutAdapters() { builder_.adds_adapters_ = true; }
    WithoutAdapters(const WithoutAdapters&) = delete;
    WithoutAdapters& operator=(const WithoutAdapters&) = delete;

   private:
    WeightBuilder& builder_;
  };
  [[nodiscard]] WithoutAdapters without_adapters() { return WithoutAdapters(*this); }

  std::vector<Parameter> take_parameters() { return std::move(parameters_); }
  std::vector<Weight*> take_weights() { return std::move(weights_); }
  std::vector<Buffer> take_buffers() { return std::move(buffers_); }
  /// Norms, biases and buffers.
  std::vector<VectorWeight*> take_vectors() { return std::move(vectors_); }
  /// Linear layers with adapters.
  std::vector<Linear*> take_adapted() { return std::move(adapted_); }
  int64_t bytes() const { return bytes_; }

 private:
  /// The forms that a matrix is kept in.
  struct Forms {
    bool is_trained = false;
    bool keeps_value = false;
    bool is_published = true;
  };
  /// Layer, role, expert, and whether it is a vector beside a matrix or of a rule's.
  using Key = std::tuple<int64_t, TensorRole, int64_t, bool>;

  bool trains_base() const {
    return request_.purpose == Purpose::training && request_.config.lora.rank == 0;
  }
  /// Null where the model has no such tensor.
  const TensorSpec* find(const TensorPlace& place, bool is_bias) const;
  const TensorSpec& spec(const TensorPlace& place, bool is_bias = false) const;
  void matrix(Weight& weight, const std::string& name, const std::vector<int64_t>& shape,
              const Forms& forms, const TensorSource& source);
  at::Tensor read(const std::string& name, const std::vector<int64_t>& shape,
                  const TensorSource& source) const;
  TensorSource adapter_source() const;
  void vector(VectorWeight& vector, const TensorSpec& spec);
  void read_vector(VectorWeight& vector, const TensorSpec& spec);
  std::optional<LowRankProduct> product_beside(const Weight& base) const;
  void adapter(Linear& linear);
  void add_parameter(const std::string& name, const at::Tensor& value, at::Tensor& grad);

  WeightRequest request_;
  std::map<Key, TensorSpec> tensors_;
  std::vector<Parameter> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<Weight*> weights_;
  std::vector<VectorWeight*> vectors_;
  std::vector<Linear*> adapted_;
  int64_t bytes_ = 0;
  Rounding rounding_ = Rounding::none;
  bool fp8_products_ = false;
  bool adds_adapters_ = true;
};

}  // namespace gradus::policy
