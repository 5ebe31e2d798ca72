// Shapes: R rows, C columns, K = C / 128 tiles across, N rows of the second matrix.
#include "policy/ops/device/fp8_product.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <limits>
#include <numeric>
#include <string>

#include "base/error.h"

namespace gradus::policy {
namespace {

constexpr int64_t kTile = 128;
constexpr int64_t kRowMultiple = 16;
constexpr float kLargest = 448.0F;

int64_t rounded_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace

Fp8Matrix to_fp8(const at::Tensor& x_RC, int64_t tile_rows) {
  at::NoGradGuard no_grad;
  Fp8Matrix result;
  result.rows = x_RC.size(0);
  result.cols = x_RC.size(1);
  const int64_t rows = rounded_up(result.rows, std::lcm(tile_rows, kRowMultiple));
  const int64_t cols = rounded_up(result.cols, kTile);
  const auto padded = at::constant_pad_nd(x_RC.detach().to(at::kFloat),
                                          {0, cols - result.cols, 0, rows - result.rows});
  const auto tiles = padded.reshape({rows / tile_rows, tile_rows, cols / kTile, kTile});
  const auto scales =
      (tiles.abs().amax({1, 3}, true) / kLargest).clamp_min(std::numeric_limits<float>::min());
  result.codes = (tiles / scales).reshape({rows, cols}).to(at::kFloat8_e4m3fn);
  result.scales =
      scales.expand({rows / tile_rows, tile_rows, cols / kTile, 1}).reshape({rows, cols / kTile});
  return result;
}

at::Tensor fp8_product(const Fp8Matrix& a, const Fp8Matrix& b) {
  at::NoGradGuard no_grad;
  TORCH_CHECK(a.codes.size(1) == b.codes.size(1), "fp8_product: columns differ");
  const auto options = at::TensorOptions().dtype(at::kFloat).device(a.codes.device());
  const auto one = at::ones({}, options);
  auto sum_RN = at::zeros({a.codes.size(0), b.codes.size(0)}, options);
  for (int64_t k = 0; k < a.codes.size(1) / kTile; ++k) {
    const auto part_RN = at::_scaled_mm(a.codes.narrow(1, k * kTile, kTile).contiguous(),
                                        b.codes.narrow(1, k * kTile, kTile).contiguous().t(), one,
                                        one, {}, {}, at::kFloat);
    const auto scales_RN = a.scales.narrow(1, k, 1) * b.scales.narrow(1, k, 1).t();
    sum_RN.addcmul_(part_RN, scales_RN);
  }
  return sum_RN.narrow(0, 0, a.rows).narrow(1, 0, b.rows);
}

void check_fp8_products(at::Device device) {
  try {
    const auto x = to_fp8(at::ones({16, kTile}, at::TensorOptions().device(device)), 1);
    fp8_product(x, x).sum().item<float>();
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    throw ConfigError("model.fp8: is real, but " + device.str() +
                      " has no FP8 matrix product here (LibTorch's _scaled_mm: " +
                      what.substr(0, what.find('\n')) +
                      "); it needs a CUDA device of compute capability 8.9 or more. Set simulated");
  }
}

}  // namespace gradus::policy
