#pragma once

#include <vector>

#include "rollout/rollout_pool.h"
#include "tests/catch.h"

namespace gradus::rollout {

/// Tokens, their logprobs to the bit, texts and ends; none may have failed.
inline void check_equal(const std::vector<Rollout>& a, const std::vector<Rollout>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t r = 0; r < a.size(); ++r) {
    for (size_t i = 0; i < a[r].completions.size(); ++i) {
      const auto& left = a[r].completions[i];
      const auto& right = b[r].completions[i];
      INFO("request " << r << ", completion " << i << ": " << left.error << right.error);
      REQUIRE(left.tokens == right.tokens);
      REQUIRE(left.logprobs == right.logprobs);
      REQUIRE(left.policy_logprobs == right.policy_logprobs);
      REQUIRE(left.text == right.text);
      REQUIRE(left.finish == right.finish);
      REQUIRE(left.finish != FinishReason::failed);
    }
  }
}

}  // namespace gradus::rollout
