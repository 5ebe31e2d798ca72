#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "policy/policy.h"
#include "rl/parallel/cluster_config.h"
#include "rl/parallel/communicator.h"
#include "rl/parallel/leaf_tree.h"

namespace gradus::rl {

/// A step's gradient, summed over its leaves and over all ranks so that its bits do not depend on
/// the number of ranks.
///
///   for each own leaf: backward passes add to Parameter::grad -> end_leaf
///   sum: Parameter::grad becomes the sum of all leaves of all ranks, on every rank
class GradientSum {
 public:
  virtual ~GradientSum() = default;

  /// This rank's leaves, which follow each other.
  virtual LeafRange own() const = 0;
  /// The gradients hold the next own leaf. Where another one follows they are 0 afterwards.
  virtual void end_leaf() = 0;
  /// After the last own leaf; all ranks call it.
  virtual void sum() = 0;
};

/// As cluster.reduction says: gradient_tree.h, exact_sum.h.
/// @param parameters  their gradients are 0; outlives the sum, as do the ranks.
std::unique_ptr<GradientSum> make_gradient_sum(GradientReduction reduction,
                                               std::vector<policy::Parameter>& parameters,
                                               int64_t num_leaves, Communicator& ranks);

}  // namespace gradus::rl
