#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gradus::rl {

/// Which divergence a student is trained on, at every token, over the whole vocabulary.
struct JsdForm {
  double beta = 1.0;         ///< 0: KL(teacher || student), 1: KL(student || teacher)
  double temperature = 1.0;  ///< of both
  int64_t top_k = 0;         ///< the teacher's likeliest tokens, and all others as one; 0: all
};

/// Generalised Jensen-Shannon divergence (GKD, arXiv:2306.13649), per token:
///
///   beta KL(t || m) + (1 - beta) KL(s || m),   m = beta t + (1 - beta) s
///   beta 0: KL(t || s),   beta 1: KL(s || t)
///
/// With top_k the distributions are those of the teacher's k likeliest tokens and of "another one",
/// the rest's sum, so that both still sum to 1.
///
/// Shapes: R rows, V vocabulary.
/// @param student  [R, V] logits; carry the gradient.  @param teacher  [R, V] logits.
/// @return         [R].
at::Tensor generalized_jsd(const at::Tensor& student, const at::Tensor& teacher,
                           const JsdForm& form);

}  // namespace gradus::rl
