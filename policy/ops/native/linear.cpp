// Shapes: T rows, D width.
#include "policy/ops/native/linear.h"

#include <ATen/ops/sum.h>

#include "policy/ops/rounding.h"
#include "policy/ops/tensor_views.h"

namespace gradus::policy {
namespace {

/// The side of a product that meets the weight: x, or x in FP8 where the weight's products are.
at::Tensor product_input(const Weight& weight, const at::Tensor& x, ThreadTeam& team) {
  return weight.has_fp8_products ? fp8_rows(x, team) : x;
}

}  // namespace

kernels::MatmulOptions bias_of(const Linear& linear) {
  kernels::MatmulOptions options;
  if (linear.bias) options.bias = floats(linear.bias->value);
  return options;
}

void add_weight_gradient(const Weight& weight, const at::Tensor& dy, const at::Tensor& x,
                         kernels::Type type, ThreadTeam& team) {
  if (!weight.is_trained()) return;
  const bool fp8 = weight.has_fp8_products;
  kernels::matmul_transposed(team, rows_of(fp8 ? fp8_columns(dy, team) : dy),
                             rows_of(fp8 ? fp8_columns(x, team) : x), rows_of(weight.grad), true,
                             type);
}

NativeLinear::NativeLinear(const Linear& linear, bool use_adapters, at::ScalarType compute_dtype,
                           ThreadTeam& team)
    : linear_(linear),
      adapter_(use_adapters && linear.adapter ? &*linear.adapter : nullptr),
      dtype_(compute_dtype),
      type_(kernel_type(compute_dtype)),
      team_(team) {}

at::Tensor NativeLinear::apply(const at::Tensor& x, const at::Tensor& residual_TD) const {
  if (residual_TD.defined()) {
    auto y = residual_TD.detach().clone();
    multiply(x, y, true);
    return y;
  }
  auto y = new_rows(x.size(0), linear_.weight.out, adapter_ != nullptr ? at::kFloat : dtype_);
  multiply(x, y, false);
  return y.to(dtype_);
}

at::Tensor NativeLinear::apply_float(const at::Tensor& x) const {
  auto y = new_rows(x.size(0), linear_.weight.out, at::kFloat);
  multiply(x, y, false);
  return y;
}

/// y (+)= linear(x). Where there is an adapter, y is float32.
void NativeLinear::multiply(const at::Tensor& x, const at::Tensor& y, bool accumulate) const {
  const Weight& weight = linear_.weight;
  auto options = bias_of(linear_);
  options.accumulate = accumulate;
  kernels::matmul(team_, rows_of(product_input(weight, x, team_)), weight.packed, rows_of(y),
                  options);
  if (adapter_ == nullptr) return;
  kernels::matmul(team_, rows_of(low_rank(x)), adapter_->b.packed, rows_of(y), {nullptr, true});
}

/// scale * A x, [T, rank] in the compute dtype.
at::Tensor NativeLinear::low_rank(const at::Tensor& x) const {
  auto t = new_rows(x.size(0), adapter_->a.out, at::kFloat);
  kernels::matmul(team_, rows_of(x), adapter_->a.packed, rows_of(t));
  return t.mul_(adapter_->scale).to(dtype_);
}

/// dx (+)= dy W, for a weight [out, in] as it was published.
void NativeLinear::input_gradient(const Weight& weight, const at::Tensor& dy, const at::Tensor& dx,
                                  bool accumulate) const {
  kernels::PackedMatrix columns;
  // A frozen weight was rounded when it was kept.
  const at::Tensor value =
      weight.is_trained() ? rounded_value(weight, weight.value, team_) : weight.value;
  columns.pack(team_, rows_of(value), kernels::PackedMatrix::Source::rows_are_inputs, type_);
  kernels::matmul(team_, rows_of(product_input(weight, dy, team_)), columns, rows_of(dx),
                  {nullptr, accumulate});
}

void NativeLinear::backward(const at::Tensor& x, const at::Tensor& dy, const at::Tensor& dx,
                            bool accumulate) const {
  add_weight_gradient(linear_.weight, dy, x, type_, team_);
  if (linear_.bias && linear_.bias->is_trained()) {
    linear_.bias->grad.add_(at::sum(dy, at::IntArrayRef{0}, false, at::kFloat));
  }
  if (adapter_ == nullptr) return input_gradient(linear_.weight, dy, dx, accumulate);
  auto sum = accumulate ? dx : new_rows(x.size(0), x.size(1), at::kFloat);
  input_gradient(linear_.weight, dy, sum, accumulate);
  adapter_backward(x, dy, sum);
  if (!accumulate) dx.copy_(sum);
}

void NativeLinear::adapter_backward(const at::Tensor& x, const at::Tensor& dy, const at::Tensor& dx,
                                    bool is_trained) const {
  if (adapter_ == nullptr) return;
  const Adapter& adapter = *adapter_;
  if (is_trained) add_weight_gradient(adapter.b, dy, low_rank(x), type_, team_);
  auto dt = new_rows(x.size(0), adapter.a.out, at::kFloat);
  input_gradient(adapter.b, dy, dt, false);
  dt.mul_(adapter.scale);
  if (is_trained) add_weight_gradient(adapter.a, dt, x, type_, team_);
  input_gradient(adapter.a, dt, dx, true);
}

}  // namespace gradus::policy
