// Shapes: R rows, C columns; tiles of h rows and w columns.
#include "policy/ops/rounding.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <limits>

#include "policy/kernels/rounding.h"
#include "policy/ops/tensor_views.h"

namespace gradus::policy {
namespace {

using kernels::kFp8Tile;

/// One of the kernels' functions on a CPU tensor.
template <class Round>
at::Tensor on_cpu(const at::Tensor& x, ThreadTeam& team, Round round) {
  const at::Tensor from = x.detach().contiguous();
  at::Tensor y = at::empty_like(from);
  round(team, rows_of(from), rows_of(y));
  return y;
}

/// The same arithmetic in ATen's operations.
at::Tensor with_scales(const at::Tensor& x_RC, int64_t h, int64_t w, float largest_code, bool fp8) {
  const int64_t R = x_RC.size(0);
  const int64_t C = x_RC.size(1);
  const int64_t down = (R + h - 1) / h;
  const int64_t across = (C + w - 1) / w;
  const auto padded =
      at::constant_pad_nd(x_RC.detach().to(at::kFloat), {0, across * w - C, 0, down * h - R});
  const auto tiles = padded.reshape({down, h, across, w});
  const auto largest = tiles.abs().amax({1, 3}, true);
  auto scales = (largest / largest_code).clamp_min(std::numeric_limits<float>::min());
  scales = at::where(at::isfinite(largest), scales, std::numeric_limits<float>::quiet_NaN());
  const auto codes = tiles / scales;
  const auto rounded =
      fp8 ? codes.to(at::kFloat8_e4m3fn).to(at::kFloat) : at::round(codes);  // ties to even
  return (rounded * scales)
      .reshape({down * h, across * w})
      .narrow(0, 0, R)
      .narrow(1, 0, C)
      .contiguous()
      .to(x_RC.scalar_type());
}

constexpr float kLargestFp8 = 448.0F;
constexpr float kLargestInt8 = 127.0F;

}  // namespace

at::Tensor rounded_value(const Weight& weight, const at::Tensor& value, ThreadTeam& team) {
  at::NoGradGuard no_grad;
  switch (weight.rounding) {
    case Rounding::none:
      return value;
    case Rounding::fp8:
      return value.is_cpu() ? on_cpu(value, team, kernels::round_fp8_blocks)
                            : with_scales(value, kFp8Tile, kFp8Tile, kLargestFp8, true);
    case Rounding::int8:
      return value.is_cpu() ? on_cpu(value, team, kernels::round_int8_rows)
                            : with_scales(value, 1, value.size(1), kLargestInt8, false);
  }
  TORCH_CHECK(false, "a rounding without a rule");
}

at::Tensor fp8_rows(const at::Tensor& x, ThreadTeam& team) {
  at::NoGradGuard no_grad;
  return x.is_cpu() ? on_cpu(x, team, kernels::round_fp8_rows)
                    : with_scales(x, 1, kFp8Tile, kLargestFp8, true);
}

at::Tensor fp8_columns(const at::Tensor& x, ThreadTeam& team) {
  at::NoGradGuard no_grad;
  return x.is_cpu() ? on_cpu(x, team, kernels::round_fp8_columns)
                    : with_scales(x, kFp8Tile, 1, kLargestFp8, true);
}

}  // namespace gradus::policy
