#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "policy/ops/ops.h"
#include "policy/ops/weights.h"

namespace gradus::policy {

/// Fills `out` with the float32 values of a tensor of the checkpoint (or with fresh ones).
using TensorSource = std::function<void(const std::string& name, const std::vector<int64_t>& shape,
                                        std::span<float> out)>;

/// Creates the policy's weights in the forms its purpose needs, and remembers them for publishing,
/// the optimizer and saving. The weights it fills must stay where they are.
class WeightBuilder {
 public:
  WeightBuilder(const PolicyConfig& config, Purpose purpose, at::ScalarType dtype,
                at::Device device, const Ops& ops, TensorSource source, ThreadTeam& team);

  /// Matrices of these names (the checkpoint's) are rounded for compute from here on.
  /// @param fp8_products  their products' other sides as well.
  void round(std::set<std::string> names, Rounding rounding, bool fp8_products);

  /// `name` without ".weight" and ".bias"; adapters are added where lora.targets name its last
  /// part.
  void linear(Linear& linear, const std::string& name, int64_t out, int64_t in, bool has_bias);
  /// The absorbed form of latent attention's kv_b, which `linear` filled under the same name.
  void absorbed(AbsorbedWeights& weights, const Linear& kv_b, const std::string& name,
                const LatentArgs& args);
  /// A router's matrix, which computes in float32 and never has adapters.
  void router(Weight& weight, const std::string& name, int64_t out, int64_t in);
  /// A vector that training moves by a rule of its own.
  void buffer(VectorWeight& vector, const std::string& name, int64_t n);
  void norm(Norm& norm, const std::string& name, int64_t width, float eps);
  /// @param is_head  the table serves as the head as well (tied embeddings).
  void embedding(Linear& table, const std::string& name, int64_t vocab, int64_t width,
                 bool is_head);

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
  /// Linear layers with adapters, by name.
  std::vector<std::pair<std::string, Linear*>> take_adapted() { return std::move(adapted_); }
  int64_t bytes() const { return bytes_; }

 private:
  bool trains_base() const { return purpose_ == Purpose::training && config_.lora.rank == 0; }
  void weight(Weight& weight, const std::string& name, int64_t out, int64_t in, bool trained,
              bool keep_value, bool publish, const TensorSource& source);
  at::Tensor read(const std::string& name, int64_t out, int64_t in,
                  const TensorSource& source) const;
  TensorSource adapter_source() const;
  void vector(VectorWeight& vector, const std::string& name, int64_t n);
  void read_vector(VectorWeight& vector, const std::string& name, int64_t n);
  void adapter(Linear& linear, const std::string& name);
  void add_parameter(const std::string& name, const at::Tensor& value, at::Tensor& grad);

  const PolicyConfig& config_;
  Purpose purpose_;
  at::ScalarType dtype_;
  at::Device device_;
  const Ops& ops_;
  TensorSource source_;
  ThreadTeam& team_;
  std::vector<Parameter> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<Weight*> weights_;
  std::vector<VectorWeight*> vectors_;
  std::vector<std::pair<std::string, Linear*>> adapted_;
  int64_t bytes_ = 0;
  std::set<std::string> rounded_;
  Rounding rounding_ = Rounding::none;
  bool fp8_products_ = false;
  bool adds_adapters_ = true;
};

}  // namespace gradus::policy
