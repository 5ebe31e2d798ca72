#pragma once

#include <span>
#include <vector>

#include "base/parallel.h"
#include "service/models/generation.h"

namespace gradus::policy {
class Policy;
}

namespace gradus::service {

/// The logprob of `token` under a row of logits [V] at the temperature, and the `num_top` likeliest
/// tokens with theirs, falling, equal ones by id.
TokenScore score_of_row(std::span<const float> logits, int32_t token, int num_top,
                        double temperature = 1.0);

/// Each token's logprob behind those before it; the first one's is NaN.
/// @param targets  as GenerationRequest::prompt_targets.
std::vector<TokenScore> score_tokens(const policy::Policy& policy,
                                     const std::vector<int32_t>& tokens, int num_top,
                                     const std::vector<std::vector<int32_t>>& targets,
                                     ThreadTeam& team);

}  // namespace gradus::service
