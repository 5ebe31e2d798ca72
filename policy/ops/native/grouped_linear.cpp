#include "policy/ops/native/grouped_linear.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "policy/kernels/grouped_matmul.h"
#include "policy/ops/rounding.h"
#include "policy/ops/tensor_views.h"

namespace gradus::policy {
namespace {

using kernels::PackedMatrix;
using kernels::Type;

const Weight& base(const Linear& linear) {
  return linear.weight;
}
const Weight& adapter_a(const Linear& linear) {
  return linear.adapter->a;
}
const Weight& adapter_b(const Linear& linear) {
  return linear.adapter->b;
}

}  // namespace

GroupedLinear::GroupedLinear(const std::vector<Linear>& experts, const kernels::ExpertRows& rows,
                             bool use_adapters, at::ScalarType compute_dtype, ThreadTeam& team)
    : experts_(experts),
      rows_(rows),
      is_adapted_(use_adapters && experts.front().adapter.has_value()),
      dtype_(compute_dtype),
      team_(team) {}

const Linear& GroupedLinear::of(const kernels::ExpertRows::Group& group) const {
  return experts_[static_cast<size_t>(group.expert)];
}

at::Tensor GroupedLinear::apply(const at::Tensor& x_N, at::ScalarType dtype) const {
  const Weight& first = experts_.front().weight;
  auto y_N = new_rows(x_N.size(0), first.out, is_adapted_ ? at::kFloat : dtype);
  multiply(base, first.has_fp8_products ? fp8_rows(x_N, team_) : x_N, y_N, false);
  if (!is_adapted_) return y_N;
  multiply(adapter_b, low_rank(x_N), y_N, true);
  return y_N.to(dtype);
}

void GroupedLinear::backward(const at::Tensor& x_N, const at::Tensor& dy_N, const at::Tensor& dx_N,
                             bool accumulate) const {
  weight_gradient(base, dy_N, x_N);
  input_gradient(base, dy_N, dx_N, accumulate);
  if (!is_adapted_) return;
  const auto& adapter = *experts_.front().adapter;
  weight_gradient(adapter_b, dy_N, low_rank(x_N));
  auto dt_N = new_rows(x_N.size(0), adapter.a.out, at::kFloat);
  input_gradient(adapter_b, dy_N, dt_N, false);
  dt_N.mul_(adapter.scale);
  weight_gradient(adapter_a, dt_N, x_N);
  input_gradient(adapter_a, dt_N, dx_N, true);
}

void GroupedLinear::multiply(Part part, const at::Tensor& x_N, const at::Tensor& y_N,
                             bool accumulate) const {
  std::vector<kernels::MatmulGroup> groups;
  for (const auto& group : rows_.groups) {
    groups.push_back({group.begin, group.end, &part(of(group)).packed});
  }
  kernels::grouped_matmul(team_, rows_of(x_N), groups, rows_of(y_N), accumulate);
}

/// scale * A x, [N, rank] in the compute dtype.
at::Tensor GroupedLinear::low_rank(const at::Tensor& x_N) const {
  const auto& adapter = *experts_.front().adapter;
  auto t_N = new_rows(x_N.size(0), adapter.a.out, at::kFloat);
  multiply(adapter_a, x_N, t_N, false);
  return t_N.mul_(adapter.scale).to(dtype_);
}

/// dx (+)= dy W.
void GroupedLinear::input_gradient(Part part, const at::Tensor& dy_N, const at::Tensor& dx_N,
                                   bool accumulate) const {
  std::vector<at::Tensor> values;
  std::vector<kernels::ConstMatrix> matrices;
  for (const auto& group : rows_.groups) {
    const Weight& weight = part(of(group));
    // A frozen weight was rounded when it was kept.
    values.push_back(weight.is_trained() ? rounded_value(weight, weight.value, team_)
                                         : weight.value);
    matrices.push_back(rows_of(values.back()));
  }
  std::vector<PackedMatrix> columns(matrices.size());
  kernels::pack_matrices(team_, matrices, PackedMatrix::Source::rows_are_inputs,
                         kernel_type(dtype_), columns);
  std::vector<kernels::MatmulGroup> groups;
  for (size_t g = 0; g < columns.size(); ++g) {
    groups.push_back({rows_.groups[g].begin, rows_.groups[g].end, &columns[g]});
  }
  const bool fp8 = part(experts_.front()).has_fp8_products;
  kernels::grouped_matmul(team_, rows_of(fp8 ? fp8_rows(dy_N, team_) : dy_N), groups, rows_of(dx_N),
                          accumulate);
}

void GroupedLinear::weight_gradient(Part part, const at::Tensor& dy_N,
                                    const at::Tensor& x_N) const {
  const Weight& first = part(experts_.front());
  if (!first.is_trained()) return;
  std::vector<kernels::GradientGroup> groups;
  for (const auto& group : rows_.groups) {
    groups.push_back({group.begin, group.end, rows_of(part(of(group)).grad)});
  }
  const bool fp8 = first.has_fp8_products;
  kernels::grouped_matmul_transposed(team_, rows_of(fp8 ? in_fp8_columns(dy_N) : dy_N),
                                     rows_of(fp8 ? in_fp8_columns(x_N) : x_N), groups, true,
                                     kernel_type(dtype_));
}

/// Tiles of 128 rows begin anew with each expert, whose sum over rows is one of its own.
at::Tensor GroupedLinear::in_fp8_columns(const at::Tensor& x_N) const {
  auto rounded = at::empty_like(x_N);
  for (const auto& group : rows_.groups) {
    const auto part = x_N.narrow(0, group.begin, group.end - group.begin);
    rounded.narrow(0, group.begin, group.end - group.begin).copy_(fp8_columns(part, team_));
  }
  return rounded;
}

}  // namespace gradus::policy
