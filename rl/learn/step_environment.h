#pragma once

#include <cstdint>
#include <exception>
#include <stop_token>

#include "base/clock.h"
#include "rl/learn/weight_keeper.h"
#include "rl/parallel/cluster_config.h"
#include "rl/parallel/communicator.h"

namespace gradus::rl {

/// What a step needs beside its policy: who tells the time, and who trains with it.
struct StepEnvironment {
  const Clock& clock = machine_clock();
  Communicator* communicator = nullptr;  ///< null: alone
  WeightKeeper* keeper = nullptr;        ///< told before the weights move
  /// Requested: the update is given up between two microbatches (Stopped) where the weights stand,
  /// or can be brought back to, where the step found them. Of several ranks all give it up, at the
  /// next place where they speak to each other.
  std::stop_token stop = {};
  /// In which the gradient is summed (rl/parallel/leaf_tree.h).
  int leaves = 1;
  GradientReduction reduction = GradientReduction::tree;
  int64_t noted_groups = 0;  ///< the first ones whose tokens' figures an update gives back

  bool is_alone() const { return communicator == nullptr || communicator->size() == 1; }
  bool can_stop() const { return keeper == nullptr || keeper->can_restore(); }
  bool wants_to_stop() const { return stop.stop_requested() && can_stop(); }
};

/// Thrown by an update that a stop broke off; nobody's fault.
class Stopped : public std::exception {
 public:
  const char* what() const noexcept override { return "the update was stopped"; }
};

/// Of one process; several agree elsewhere.
/// @throws Stopped  where the environment wants it and the step can be given up.
inline void stop_here_if_wanted(const StepEnvironment& environment) {
  if (environment.is_alone() && environment.wants_to_stop()) throw Stopped();
}

}  // namespace gradus::rl
