#pragma once

#include <string>

#include "rl/algorithms/algorithm_config.h"
#include "rl/learn/metrics.h"

namespace gradus::rl {

/// The algorithm's settings with coefficients that follow what they steer (rl.kl_controller,
/// rl.entropy_controller): each step's are a function of the steps before, kept in checkpoints.
class Coefficients {
 public:
  /// @param config  outlives this.
  explicit Coefficients(const AlgorithmConfig& config);

  bool are_steered() const {
    return config_.kl_controller.is_used() || config_.entropy_controller.is_used();
  }
  /// The settings of the next step.
  AlgorithmConfig current() const;
  /// After a step: reads `kl` and `entropy`, adds `kl_coef` and `entropy_coef` as they were used.
  void follow(double completions, Metrics& metrics);

  std::string memory() const;
  /// @throws FileError  it is none of these.
  void recall(const std::string& memory);

 private:
  const AlgorithmConfig& config_;
  double kl_coef_;
  EntropyState entropy_;
};

}  // namespace gradus::rl
