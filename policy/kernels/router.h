#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "policy/kernels/matrix.h"

/// The router of a mixture of experts, in float32. Shapes: T rows, E experts, K chosen per row, S
/// sequences.
namespace gradus::policy::kernels {

enum class RouterScoring : uint8_t { softmax, sigmoid };

struct RouterShape {
  int num_experts = 0;  ///< E
  int per_token = 0;    ///< K
  int num_groups = 1;   ///< consecutive groups of E / num_groups experts
  int kept_groups = 1;  ///< of which these many are chosen from
  RouterScoring scoring = RouterScoring::softmax;
  bool normalize = false;  ///< the chosen weights are divided by their sum
  float scale = 1.0F;      ///< and multiplied by this
};

/// Logits [T, E] to scores s, in place.
void router_scores(ThreadTeam& team, Matrix logits, RouterScoring scoring);

/// The K experts of each row, in ascending order of their numbers: those with the largest s + bias
/// among the experts of the kept groups. A group's score is the sum of its two largest s + bias
/// (DeepSeek-V3, arXiv:2412.19437, 2.1.2). Of equals the one with the lower number wins.
///
/// @param scores  [T, E] float32.  @param bias  [E]; null: none.  @param chosen  [T * K].
/// @throws gradus::ArgumentError  shapes that do not fit.
void choose_experts(ThreadTeam& team, ConstMatrix scores, const float* bias,
                    const RouterShape& shape, std::span<int32_t> chosen);

/// What the chosen experts' outputs are multiplied by, w = scale * s / (sum of the K s + 1e-20), or
/// scale * s.
/// @param weights  [T * K], in the order of `chosen`.
void expert_weights(ThreadTeam& team, ConstMatrix scores, std::span<const int32_t> chosen,
                    const RouterShape& shape, std::span<float> weights);

/// The sequence-wise balance loss (DeepSeek-V3, 2.1.2) of sequences with `weight` each:
///
///   L = weight * sum over sequences, i of f_i P_i
///   f_i = E / (K T') * rows that chose i,   P_i = mean over rows of s_i / sum_j s_j
///
/// over the T' rows of a sequence; f is a constant to the gradient.
class SequenceBalance {
 public:
  /// @param lengths  [S] rows of each sequence; they lie end to end.
  /// @param counted  [T] 0: the row's sequence has no part in the loss; empty: all have.
  SequenceBalance(std::span<const int64_t> lengths, std::span<const int32_t> chosen,
                  const RouterShape& shape, double weight, std::span<const uint8_t> counted = {});

  /// [E] dL / d(s_i / sum_j s_j) of a row.
  const float* slope(int64_t row) const {
    return slopes_.data() + int64_t{sequence_[static_cast<size_t>(row)]} * num_experts_;
  }
  /// L; rows are added in order.
  double loss(ConstMatrix scores) const;

 private:
  int64_t num_experts_;
  std::vector<int32_t> sequence_;  ///< [T]
  std::vector<float> slopes_;      ///< [S, E]
};

/// Gradient of the logits [T, E] through the scores of the chosen experts, and through the balance
/// loss where there is one; the choice itself is a constant.
/// @param dweights  [T * K] gradient of expert_weights.
void router_backward(ThreadTeam& team, ConstMatrix scores, std::span<const int32_t> chosen,
                     const RouterShape& shape, std::span<const float> dweights,
                     const SequenceBalance* balance, Matrix dlogits);

}  // namespace gradus::policy::kernels
