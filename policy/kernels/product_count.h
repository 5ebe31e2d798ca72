#pragma once

#include <cstdint>

namespace gradus::policy::kernels {

/// Multiply-adds of matrix products that this process has asked of the kernels since it began, for
/// comparison with the formulas of rl/learn/work_model.h: linear layers, attention's scores and
/// sums over the keys that a query sees, and their gradients. Padding, norms and softmax are not
/// counted. One number for the process: counting must not change what the kernels are given. Any
/// thread.
int64_t counted_products();

/// Adds to it; the drivers call it once per call, not per tile.
void count_products(int64_t multiply_adds);

}  // namespace gradus::policy::kernels
