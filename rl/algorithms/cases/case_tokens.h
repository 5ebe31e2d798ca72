#pragma once

#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rl/algorithms/aggregation.h"
#include "rl/algorithms/cases/case.h"
#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

/// Values of JSON lists as a tensor [n]; null is NaN.
at::Tensor list_tensor(const nlohmann::json& list, at::ScalarType dtype);
nlohmann::json list_json(const at::Tensor& values);
std::vector<double> list_of(const nlohmann::json& list);

/// The ragged token arrays of a case, laid end to end. Shapes: S tokens of N rows.
class CaseTokens {
 public:
  /// @param shaped  the input that says the shape; `mask` of the same shape says what is live.
  CaseTokens(const Case& question, const char* shaped);

  /// [S] of a ragged input, or of one number per row.
  at::Tensor values(const char* input) const;
  /// The same as a leaf that records gradients.
  at::Tensor leaf(const char* input) const;

  const at::Tensor& is_live() const { return is_live_; }
  const at::Tensor& sequence() const { return sequence_; }
  int64_t num_rows() const { return static_cast<int64_t>(lengths_.size()); }
  /// Takes whole rows out.
  void mask_rows(const std::vector<double>& is_masked);
  void drop(const at::Tensor& is_dropped);

  /// Sequence, live tokens and, where the case has them, old logprobs, advantages, the sampler's
  /// logprobs and entropies.
  LossInputs loss_inputs() const;

  /// token_weight of each token, by the options aggregation, constant_length, global_tokens and
  /// global_sequences and the input group; 0 where not live.
  at::Tensor weights(CaseOptions& options) const;

  /// [row][token] of values [S], 0 where not live.
  nlohmann::json ragged(const at::Tensor& values) const;
  /// Mean over live tokens; 0 without any.
  double live_mean(const at::Tensor& values) const;
  /// Mean over rows with live tokens of their live tokens' means.
  double row_mean(const at::Tensor& values) const;
  int64_t num_live() const;
  const std::vector<int64_t>& lengths() const { return lengths_; }

 private:
  std::vector<int64_t> live_by_row() const;

  const Case& case_;
  std::vector<int64_t> lengths_;
  at::Tensor is_live_;
  at::Tensor sequence_;
};

/// Reads settings of the algorithm by their names, so that a case sets what a recipe can.
/// @throws Unsupported  a setting refuses the value.
AlgorithmConfig algorithm_of(const nlohmann::json& settings);

}  // namespace gradus::rl
