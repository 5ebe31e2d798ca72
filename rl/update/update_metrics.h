#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "rl/algorithms/objective.h"
#include "rl/learn/gradient_pass.h"
#include "rl/update/update.h"

namespace gradus::rl {

/// What one microbatch's loss was made of. Shapes: S scored tokens, on the CPU.
struct LossParts {
  at::Tensor weights;  ///< [S] float32, 0 where not live: each token's share in the loss
  ObjectiveTerms terms;
  at::Tensor entropies;  ///< [S]
  at::Tensor is_live;    ///< [S] bool
};

/// Sums an update's figures over its microbatches; shares and means run over live tokens of all
/// epochs. Formulas: docs/metrics.md.
class UpdateMetrics {
 public:
  void add(const LossParts& parts);
  void add(const TrainingStepResult& step);
  void report(bool with_mismatch, Metrics& metrics) const;

 private:
  int64_t num_tokens_ = 0;
  int64_t num_losses_ = 0;
  int64_t num_norms_ = 0;
  bool has_kl_ = false;
  double loss_ = 0.0;
  double grad_norm_ = 0.0;
  double policy_loss_ = 0.0;
  double kl_ = 0.0;
  double entropy_ = 0.0;
  double clipped_low_ = 0.0;
  double clipped_high_ = 0.0;
  double mismatch_weight_ = 0.0;
  double mismatch_masked_ = 0.0;
  bool has_dropped_ = false;
  double dropped_ = 0.0;
};

}  // namespace gradus::rl
