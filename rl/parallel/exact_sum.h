#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "rl/parallel/gradient_sum.h"

namespace gradus::rl {

/// Leaves added as whole numbers of 2^-80, which no order of sums can round: the sum is rounded
/// once, at its end, and depends on the leaves alone. A value that is not finite, or 2^24 and more,
/// makes its parameter's sum NaN, and the step is left out.
///
/// Memory: 16 bytes a value beside the gradients.
class ExactSum final : public GradientSum {
 public:
  ExactSum(std::vector<policy::Parameter>& parameters, int64_t num_leaves, Communicator& ranks);

  LeafRange own() const override { return part_of(num_leaves_, ranks_.rank(), ranks_.size()); }
  void end_leaf() override;
  void sum() override;

 private:
  void sum_range(int64_t begin, int64_t end);
  void mark_spoilt();

  std::vector<policy::Parameter>& parameters_;
  int64_t num_leaves_;
  Communicator& ranks_;
  int64_t next_;
  at::Tensor limbs_;   ///< [values of all parameters, 2] int64: low 48 bits, the rest
  at::Tensor sums_;    ///< [values of all parameters] float32
  at::Tensor spoilt_;  ///< [parameters] int64: 1: has a value that can't be added
};

}  // namespace gradus::rl
