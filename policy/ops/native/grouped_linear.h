#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "base/parallel.h"
#include "policy/kernels/expert_rows.h"
#include "policy/ops/weights.h"

namespace gradus::policy {

/// One projection of all experts on the CPU kernels, as grouped products over the experts that have
/// rows; each row's bits are those of its expert's linear layer alone. Shapes: N rows sorted by
/// expert.
class GroupedLinear {
 public:
  /// @param experts  of one shape, all with adapters or none.
  GroupedLinear(const std::vector<Linear>& experts, const kernels::ExpertRows& rows,
                bool use_adapters, at::ScalarType compute_dtype, ThreadTeam& team);

  /// [N, out] in `dtype`. @param x_N  [N, in] in the compute dtype.
  at::Tensor apply(const at::Tensor& x_N, at::ScalarType dtype) const;

  /// Adds the weights' gradients and writes dx_N (+)= the input's.
  /// @param x_N, dy_N  [N, in], [N, out] in the compute dtype.  @param dx_N  [N, in] float32.
  void backward(const at::Tensor& x_N, const at::Tensor& dy_N, const at::Tensor& dx_N,
                bool accumulate) const;

 private:
  using Part = const Weight& (*)(const Linear&);

  const Linear& of(const kernels::ExpertRows::Group& group) const;
  void multiply(Part part, const at::Tensor& x_N, const at::Tensor& y_N, bool accumulate) const;
  at::Tensor low_rank(const at::Tensor& x_N) const;
  void input_gradient(Part part, const at::Tensor& dy_N, const at::Tensor& dx_N,
                      bool accumulate) const;
  void weight_gradient(Part part, const at::Tensor& dy_N, const at::Tensor& x_N) const;
  at::Tensor in_fp8_columns(const at::Tensor& x_N) const;

  const std::vector<Linear>& experts_;
  const kernels::ExpertRows& rows_;
  bool is_adapted_;
  at::ScalarType dtype_;
  ThreadTeam& team_;
};

}  // namespace gradus::policy
