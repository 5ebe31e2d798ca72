#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "policy/ops/ops.h"

namespace gradus::policy {

/// The head on the CPU kernels; the functions of Ops with these names.
at::Tensor native_logits(const at::Tensor& hidden, const Linear& head,
                         std::span<const int64_t> rows, at::ScalarType dtype, ThreadTeam& team);

at::Tensor native_recorded_logits(const at::Tensor& hidden, const Linear& head,
                                  std::span<const int64_t> rows, at::ScalarType dtype,
                                  ThreadTeam& team);

struct ScoreOptions {
  double temperature = 1.0;
  int chunk_rows = 1;  ///< rows of logits that exist at one time
  HeadUse head;
  at::ScalarType dtype = at::kFloat;  ///< of products
};
Scores native_score(const at::Tensor& hidden, const Linear& head, const ScoreList& list,
                    const ScoreOptions& options, ThreadTeam& team);

}  // namespace gradus::policy
