#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/tokenizer/tokenizer.h"
#include "rl/collect/group.h"
#include "rl/learn/update_result.h"
#include "rl/run/run_settings.h"

namespace gradus::rl {

/// How a step's tokens are recorded one by one.
struct SampledTokens {
  size_t num_groups = 0;                         ///< the first groups; 0: no tokens
  const policy::Tokenizer* tokenizer = nullptr;  ///< not null where there are groups
  /// [group][completion] of the update; null or short: it has none of them.
  const std::vector<std::vector<TokenFigures>>* figures = nullptr;
};

/// What `run.*` wants recorded of this step's tokens.
SampledTokens sampled_tokens(const RunSettings& run, int64_t step,
                             const policy::Tokenizer& tokenizer,
                             const std::vector<std::vector<TokenFigures>>* figures = nullptr);

/// The completions of a step as JSON lines, one each:
///
///   {"step", "prompt_id", "index", "prompt", "completion", "finish", "error", "num_tokens",
///    "reward", "advantage", "is_used", "grades": {rule: {"value", "outcome", "reason",
///    "details"}}}
///
/// and, where tokens are recorded,
///
///   "tokens": {"ids", "texts", "rollout_logprobs", "logprobs", "entropies", "advantages",
///              "masked": [{"begin", "end", "reason"}], "prompt"}
///
/// with an entry a token. What is not known is absent: logprobs and entropies without an update,
/// advantages where the completion's is every token's, masked where nothing is; prompt (its ids)
/// stands in a group's first completion.
///
/// reward is null where no rule could score the completion, value where the rule did not.
/// @param num_used  the first groups were trained on; the others had no signal.
std::string sample_lines(int64_t step, const std::vector<Group>& groups, size_t num_used,
                         const std::vector<std::string>& rule_names,
                         const SampledTokens& tokens = {});

}  // namespace gradus::rl
