#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "policy/policy.h"
#include "rl/learn/optimizers/optimizer.h"

namespace gradus::rl {

/// Knows whether the weights stand where the last whole step left them, and can bring them back
/// there: what a run needs that is stopped, or fails, in the middle of an update.
///
///   begin -> [ moving before each optimizer step ] -> done, or restore
///
/// A step of one optimizer step leaves the weights alone until its end, and needs no copy. Before
/// one of several a copy of weights, routers' biases and moments is taken where memory allows.
/// One thread at a time.
class WeightKeeper {
 public:
  /// @param policy, optimizer  outlive the keeper.
  /// @param may_copy  false: no copies, as memory would decide on each rank by itself.
  WeightKeeper(policy::Policy& policy, Optimizer& optimizer, bool may_copy = true)
      : policy_(policy), optimizer_(optimizer), may_copy_(may_copy) {}

  /// A step begins. @param num_updates  optimizer steps that it may take.
  void begin(int64_t num_updates);
  /// The optimizer is about to move the weights.
  void moving() { is_moved_ = true; }
  /// The step is whole: the weights are the new ones.
  void done();

  /// Whether the step can be given up now: nothing has moved, or there is a copy.
  bool can_restore() const { return !is_moved_ || has_copy_; }
  /// Brings weights and moments back to where `begin` found them, published.
  /// @return  false: they have moved, and there is no copy.
  bool restore(ThreadTeam& team);

 private:
  bool fits_in_memory() const;
  std::vector<at::Tensor> live() const;

  policy::Policy& policy_;
  Optimizer& optimizer_;
  bool may_copy_;
  std::vector<at::Tensor> copies_;  ///< of live(), kept between steps
  int64_t step_count_ = 0;
  bool has_copy_ = false;
  bool is_moved_ = false;
};

}  // namespace gradus::rl
