#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings/setting.h"

namespace gradus::rollout {

/// Settings `rollout.*` that shape the sampled distribution and end a completion.
struct SamplingConfig {
  double temperature = 1.0;
  int top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  int max_tokens = 256;
  std::vector<std::string> stop;
  std::vector<int> stop_token_ids;
};

template <class Field>
void describe(SamplingConfig& c, Field&& field) {
  field("temperature", c.temperature, between(0.0, 100.0), "0: greedy; else from 0.001 on");
  field("top_k", c.top_k, at_least(0), "keep the k likeliest tokens; 0: all");
  field("top_p", c.top_p, between(0.0, 1.0), "keep the smallest set with this probability");
  field("min_p", c.min_p, between(0.0, 1.0),
        "drop tokens below this share of the likeliest one's probability");
  field("max_tokens", c.max_tokens, at_least(1), "longest completion, in tokens");
  field("stop", c.stop, any(), "strings that end a completion; they are not part of its text");
  field("stop_token_ids", c.stop_token_ids, any(),
        "token ids that end a completion, beside the model's own");
}

}  // namespace gradus::rollout
