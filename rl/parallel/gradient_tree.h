#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "policy/policy.h"
#include "rl/parallel/communicator.h"
#include "rl/parallel/leaf_tree.h"

namespace gradus::rl {

/// A step's gradient, summed over its leaves and over all ranks in the order of leaf_tree.h.
///
///   for each own leaf: backward passes add to Parameter::grad -> end_leaf
///   sum: Parameter::grad becomes the sum of all leaves of all ranks, on every rank
///
/// Memory: while further leaves follow, one copy of the gradients for each node that waits for its
/// other half, log2 of the leaves at most.
class GradientTree {
 public:
  /// @param parameters  their gradients are 0; outlives the tree.
  GradientTree(std::vector<policy::Parameter>& parameters, int64_t num_leaves, Communicator& ranks);

  /// This rank's leaves.
  LeafRange own() const { return leaves_of(ranks_.rank()); }
  /// The leaves of a rank.
  LeafRange leaves_of(int rank) const { return part_of(num_leaves_, rank, ranks_.size()); }

  /// The gradients hold the next own leaf. Where another one follows they are 0 afterwards.
  void end_leaf();
  /// After the last own leaf; all ranks call it.
  void sum();

 private:
  using Buffers = std::vector<at::Tensor>;  ///< one flat tensor for each parameter
  struct Node {
    LeafRange leaves;
    Buffers sums;
  };

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
