#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "policy/policy.h"
#include "rl/learn/pack.h"
#include "rl/learn/update_result.h"

namespace gradus::rl {

/// The loss of multi-token prediction (DeepSeek-V3, arXiv:2412.19437, 2.2) over one batch:
///
///   L_MTP = weight / D * sum_k CE_k
///
/// CE_k is the mean, over the batch, of the cross-entropy of module k on the tokens that the batch
/// scores, as far as module k predicts them (a sequence's first tokens have no place that far
/// before them). Denominators are counted before the first forward pass, so that the split into
/// microbatches changes the sum by rounding alone.
///
/// In pre-training and fine-tuning the gradient reaches the whole model: predicting further ahead
/// is a signal to plan ahead. In reinforcement learning the policy's objective is the reward, and
/// imitating its own samples further ahead would pull it elsewhere; there the gradient stays in the
/// modules (PredictionGradient::module_alone), which keeps them good drafts of a moving policy.
class PredictionLoss {
 public:
  /// @param weight  0, or a model without modules: no loss.
  PredictionLoss(const policy::Policy& policy, double weight, policy::PredictionGradient gradient,
                 const std::vector<Microbatch>& microbatches);

  bool is_used() const { return !counts_.empty(); }

  /// What one microbatch gave.
  struct Part {
    std::vector<double> sums;  ///< [D] of its predicted tokens' logprobs
    double loss = 0.0;         ///< its share of L_MTP
    double flops = 0.0;
  };

  /// The microbatch's share of L_MTP, a scalar (double) on the CPU.
  /// @param hidden  of `forward`.
  at::Tensor of(const Microbatch& microbatch, const at::Tensor& hidden, ThreadTeam& team,
                Part& part) const;
  /// Takes a microbatch into the figures; in the microbatches' order.
  void add(const Part& part);

  /// "mtp/loss_k" (CE_k in nats), k from 1.
  void report(Metrics& metrics) const;
  /// Of forward and backward passes through the modules, by rl/learn/work_model.h.
  double flops() const { return flops_; }

 private:
  const policy::Policy& policy_;
  double weight_;
  policy::PredictionGradient gradient_;
  std::vector<int64_t> counts_;  ///< [D] predicted tokens of the batch
  std::vector<double> sums_;     ///< [D] of their cross-entropies
  double flops_ = 0.0;
};

}  // namespace gradus::rl
