#pragma once

#include <ATen/core/Tensor.h>

#include "base/parallel.h"
#include "policy/ops/weights.h"

namespace gradus::policy {

/// W + scale B A in float32 [out, in]: what a linear layer and its adapter do together. Its bits do
/// not depend on the team.
/// @param w  [out, in], not changed.  @param adapter  trained: its values are at hand.
at::Tensor merged_value(const at::Tensor& w, const Adapter& adapter, ThreadTeam& team);

/// The same from values alone. @param b  [out, rank].  @param a  [rank, in].
at::Tensor merged_value(const at::Tensor& w, const at::Tensor& b, const at::Tensor& a, float scale,
                        ThreadTeam& team);

}  // namespace gradus::policy
