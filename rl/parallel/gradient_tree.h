#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "rl/parallel/gradient_sum.h"

namespace gradus::rl {

/// Leaves summed in float32, in the order of leaf_tree.h. One leaf is the sum in place.
///
/// Memory: while further leaves follow, one copy of the gradients for each node that waits for its
/// other half, log2 of the leaves at most.
class GradientTree final : public GradientSum {
 public:
  GradientTree(std::vector<policy::Parameter>& parameters, int64_t num_leaves, Communicator& ranks);

  LeafRange own() const override { return leaves_of(ranks_.rank()); }
  void end_leaf() override;
  void sum() override;

 private:
  using Buffers = std::vector<at::Tensor>;  ///< one flat tensor for each parameter
  struct Node {
    LeafRange leaves;
    Buffers sums;
  };

  LeafRange leaves_of(int rank) const { return part_of(num_leaves_, rank, ranks_.size()); }
  Buffers gradients() const;
  void set_aside();
  void sum_range(int64_t begin, int64_t end);
  at::Tensor pack(int64_t begin, int64_t end, std::vector<int64_t>& to) const;
  void copy_range(const Buffers& buffers, int64_t begin, int64_t end, float* out) const;

  std::vector<policy::Parameter>& parameters_;
  int64_t num_leaves_;
  Communicator& ranks_;
  std::vector<Node> waiting_;  ///< nodes before the one whose sum is in the gradients
  LeafRange present_;          ///< the leaves whose sum is in the gradients
  int64_t next_;               ///< own leaf that comes next
  std::vector<Buffers> free_;
};

}  // namespace gradus::rl
