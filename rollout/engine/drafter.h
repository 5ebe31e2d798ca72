#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "rollout/engine/scheduler.h"

namespace gradus::rollout {

/// @throws ConfigError  the model has no multi-token prediction module.
void check_can_draft(const policy::Policy& policy);

/// Guesses each sequence's next token with the model's first prediction module, right after tokens
/// were sampled. The module has a row for every known token but the first, at that token's place
/// in a layer of the cache of its own: rows of a prompt are shared with its blocks, and a row that
/// followed a wrong guess is overwritten like the model's. A guess is the likeliest token.
///
/// Guesses steer how much work a call does, never what is sampled.
class Drafter {
 public:
  /// @param cache  with the module's layer. @throws ConfigError  as check_can_draft.
  Drafter(const policy::Policy& policy, policy::KvCache& cache, ThreadTeam& team);

  /// @param spans   whose tokens were just sampled; the units still hold their blocks.
  /// @param hidden  [rows of the spans, D].
  /// @return        the reason when the call threw (memory, most likely): then nobody has a draft.
  std::optional<std::string> run(const std::vector<RowSpan>& spans, const at::Tensor& hidden);

 private:
  class Rows;

  const policy::Policy& policy_;
  policy::KvCache& cache_;
  ThreadTeam& team_;
};

}  // namespace gradus::rollout
