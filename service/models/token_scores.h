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

/// Each prompt token's logprob behind those before it, and what else the request wants to know of
/// its place; the first one's is NaN. @throws Error  a row of logits holds NaN or infinity.
std::vector<TokenScore> score_prompt(const policy::Policy& policy, const GenerationRequest& request,
                                     ThreadTeam& team);

}  // namespace gradus::service
