#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "rollout/rollout_request.h"

namespace gradus::service {

/// What a request adds to logits: a bias per token, and penalties for tokens that a completion
/// holds already, as OpenAI defines them:  z_t - frequency * count_t - presence * [count_t > 0] +
/// bias_t.
struct LogitRules {
  std::map<int32_t, float> bias;
  double frequency_penalty = 0.0;
  double presence_penalty = 0.0;

  bool is_empty() const {
    return bias.empty() && frequency_penalty == 0.0 && presence_penalty == 0.0;
  }
};

/// Null where the rules change nothing.
std::shared_ptr<rollout::LogitEditor> make_logit_editor(const LogitRules& rules);

/// Both, one after the other; either may be null.
std::shared_ptr<rollout::LogitEditor> join_editors(std::shared_ptr<rollout::LogitEditor> first,
                                                   std::shared_ptr<rollout::LogitEditor> second);

}  // namespace gradus::service
