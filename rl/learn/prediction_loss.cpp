#include "rl/learn/prediction_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <utility>

#include "rl/learn/work_model.h"

namespace gradus::rl {
namespace {

/// What each module reads of a microbatch, from module 1 on.
struct Depth {
  policy::ShiftedBatch shifted;
  policy::ScoreList scores;
};

std::vector<Depth> depths_of(const Microbatch& microbatch, int64_t num_modules) {
  std::vector<Depth> depths;
  const policy::PackedBatch* batch = &microbatch.batch;
  const policy::ScoreList* scores = &microbatch.scores;
  depths.reserve(static_cast<size_t>(num_modules));
  for (int64_t k = 0; k < num_modules; ++k) {
    auto shifted = policy::shift_one_token(*batch);
    auto moved = policy::shifted_scores(*scores, shifted);
    depths.push_back({std::move(shifted), std::move(moved)});
    batch = &depths.back().shifted.batch;
    scores = &depths.back().scores;
  }
  return depths;
}

}  // namespace

PredictionLoss::PredictionLoss(const policy::Policy& policy, double weight,
                               policy::PredictionGradient gradient,
                               const std::vector<Microbatch>& microbatches)
    : policy_(policy), weight_(weight), gradient_(gradient) {
  const auto num_modules = static_cast<size_t>(policy.model_config().num_mtp_layers);
  // With adapters the modules are frozen, and are nobody's to teach.
  if (weight == 0.0 || num_modules == 0 || policy.policy_config().lora.rank > 0) return;
  counts_.assign(num_modules, 0);
  sums_.assign(num_modules, 0.0);
  for (const Microbatch& microbatch : microbatches) {
    const auto depths = depths_of(microbatch, std::ssize(counts_));
    for (size_t k = 0; k < num_modules; ++k) counts_[k] += std::ssize(depths[k].scores.rows);
  }
}

at::Tensor PredictionLoss::of(const Microbatch& microbatch, const at::Tensor& hidden,
                              ThreadTeam& team, Part& part) const {
  part.sums.assign(counts_.size(), 0.0);
  at::Tensor loss = at::zeros({}, at::kDouble);
  at::Tensor state = hidden;
  const auto depths = depths_of(microbatch, std::ssize(counts_));
  const WorkModel work(policy_.model_config(), policy_.policy_config());
  const bool reaches_model = gradient_ == policy::PredictionGradient::everything;
  for (size_t k = 0; k < depths.size(); ++k) {
    const auto& [shifted, scores] = depths[k];
    if (scores.rows.empty()) break;  // deeper modules predict no more than this one
    state = policy_.predict(static_cast<int>(k), state, shifted, team, gradient_);
    const auto sum = policy_.score_predictions(state, scores, gradient_, team)
                         .logprobs.to(at::kCPU)
                         .to(at::kDouble)
                         .sum();
    part.sums[k] = sum.item<double>();
    part.flops += work.prediction_training(shifted.batch, std::ssize(scores.rows), reaches_model);
    loss = loss - sum * (weight_ / static_cast<double>(std::ssize(counts_) * counts_[k]));
  }
  part.loss = loss.item<double>();
  return loss;
}

void PredictionLoss::add(const Part& part) {
  for (size_t k = 0; k < part.sums.size(); ++k) sums_[k] -= part.sums[k];
  flops_ += part.flops;
}

void PredictionLoss::report(Metrics& metrics) const {
  for (size_t k = 0; k < counts_.size(); ++k) {
    if (counts_[k] == 0) continue;
    metrics[fmt::format("mtp/loss_{}", k + 1)] = sums_[k] / static_cast<double>(counts_[k]);
  }
}

}  // namespace gradus::rl
