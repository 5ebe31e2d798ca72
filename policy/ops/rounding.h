#pragma once

#include <ATen/core/Tensor.h>

#include "base/parallel.h"
#include "policy/ops/weights.h"

namespace gradus::policy {

/// 8-bit values of weights and of products' inputs (policy/kernels/rounding.h), on any device. All
/// of these keep shape, dtype and device, and record nothing.

/// A weight's value [out, in] as compute sees it: rounded as Weight::rounding says, or as it is.
at::Tensor rounded_value(const Weight& weight, const at::Tensor& value, ThreadTeam& team);

/// x [T, n] in FP8 tiles of 1 x 128: of a product that sums over columns.
at::Tensor fp8_rows(const at::Tensor& x, ThreadTeam& team);
/// x [T, n] in FP8 tiles of 128 x 1: of a product that sums over rows.
at::Tensor fp8_columns(const at::Tensor& x, ThreadTeam& team);

}  // namespace gradus::policy
