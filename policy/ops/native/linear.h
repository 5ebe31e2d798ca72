#pragma once

#include <ATen/core/Tensor.h>

#include "base/parallel.h"
#include "policy/kernels/matmul.h"
#include "policy/ops/weights.h"

namespace gradus::policy {

/// One linear layer, with its adapter or without, on the CPU kernels. Holds references: for the
/// length of a call.
class NativeLinear {
 public:
  NativeLinear(const Linear& linear, bool use_adapters, at::ScalarType compute_dtype,
               ThreadTeam& team);

  /// linear(x) in the compute dtype, or residual + linear(x) in float32.
  at::Tensor apply(const at::Tensor& x, const at::Tensor& residual_TD) const;

  /// linear(x) in float32.
  at::Tensor apply_float(const at::Tensor& x) const;

  /// Adds the weights' gradients and writes dx (+)= the input's.
  void backward(const at::Tensor& x, const at::Tensor& dy, const at::Tensor& dx,
                bool accumulate) const;
  /// The part of the adapter alone, where one is used: dx += the input's gradient.
  /// @param dx  float32.  @param is_trained  false: the adapter gets no gradient.
  void adapter_backward(const at::Tensor& x, const at::Tensor& dy, const at::Tensor& dx,
                        bool is_trained = true) const;

 private:
  void multiply(const at::Tensor& x, const at::Tensor& y, bool accumulate) const;
  at::Tensor low_rank(const at::Tensor& x) const;
  void input_gradient(const Weight& weight, const at::Tensor& dy, const at::Tensor& dx,
                      bool accumulate) const;

  const Linear& linear_;
  const Adapter* adapter_;  ///< null: none is used
  at::ScalarType dtype_;
  kernels::Type type_;
  ThreadTeam& team_;
};

/// The layer's bias as matrix products take it.
kernels::MatmulOptions bias_of(const Linear& linear);

/// Adds dy^T x to the weight's gradient, where it is trained.
/// @param type  of the product.
void add_weight_gradient(const Weight& weight, const at::Tensor& dy, const at::Tensor& x,
                         kernels::Type type, ThreadTeam& team);

}  // namespace gradus::policy
