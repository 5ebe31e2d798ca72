#include "policy/weights/merged_value.h"

#include <ATen/TensorOperators.h>

#include "policy/ops/tensor_views.h"

namespace gradus::policy {
at::Tensor merged_value(const at::Tensor& w, const at::Tensor& b, const at::Tensor& a, float scale,
                        ThreadTeam& team) {
  if (!w.is_cpu()) return w.to(at::kFloat) + b.matmul(a) * scale;
  auto merged = w.to(at::kFloat).clone();
  kernels::PackedMatrix columns;
  columns.pack(team, rows_of(a.contiguous()), kernels::PackedMatrix::Source::rows_are_inputs,
               kernels::Type::f32);
  const auto scaled = (b * scale).contiguous();
  kernels::matmul(team, rows_of(scaled), columns, rows_of(merged), {nullptr, true});
  return merged;
}

at::Tensor merged_value(const at::Tensor& w, const Adapter& adapter, ThreadTeam& team) {
  return merged_value(w, adapter.b.value.detach(), adapter.a.value.detach(), adapter.scale, team);
}

}  // namespace gradus::policy
