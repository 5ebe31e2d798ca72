#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rollout/engine/sampling.h"
#include "rollout/rollout_request.h"

namespace gradus::service {

/// A token's logprob under the model itself (temperature 1, nothing cut off), and the likeliest
/// tokens in its place, falling.
struct TokenScore {
  int32_t token = 0;
  float logprob = 0.0F;
  std::vector<std::pair<int32_t, float>> top;
  std::vector<float> targets;  ///< logprobs of the tokens that were asked for in its place
  std::vector<std::pair<int32_t, float>> drawn;  ///< tokens drawn in its place, with their logprobs
};

/// One token as it was sampled.
struct GeneratedToken {
  int index = 0;     ///< of the completion
  std::string text;  ///< text that became certain with it
  std::optional<TokenScore> score;
  int32_t token = 0;
  std::optional<rollout::FinishReason> finish;  ///< of the last token
};

struct GeneratedText {
  std::string text;
  std::vector<int32_t> tokens;
  std::vector<TokenScore> scores;  ///< where asked for
  std::vector<float> logprobs;     ///< [tokens] at the sampling temperature (1: greedy), uncut
  rollout::FinishReason finish = rollout::FinishReason::failed;
  std::string error;
};

struct GenerationResult {
  std::vector<GeneratedText> completions;
  std::vector<TokenScore> prompt_scores;  ///< [prompt]; the first has no logprob (NaN)
  std::string error;                      ///< nothing was generated
};

/// What is to be generated, for one prompt.
struct GenerationRequest {
  std::vector<int32_t> tokens;
  int n = 1;
  uint64_t seed = 0;
  uint64_t prompt_key = 0;
  rollout::SamplingConfig sampling;
  std::shared_ptr<rollout::LogitEditor> editor;
  bool has_scores = false;         ///< TokenScores are made
  int num_top = 0;                 ///< of their `top`
  int num_top_prompt = 0;          ///< of the prompt's, where more
  double score_temperature = 1.0;  ///< of the completions' scores
  bool ignores_end = false;        ///< the model's own end tokens end nothing
  bool scores_prompt = false;      ///< GenerationResult::prompt_scores
  /// [prompt - 1][K] tokens that are scored behind each beginning of the prompt; below 0: none, and
  /// the logprob is 0. Empty: nothing.
  std::vector<std::vector<int32_t>> prompt_targets;
  int num_drawn = 0;      ///< tokens drawn at the sampling temperature in each prompt token's place
  bool generates = true;  ///< false: the prompt is scored alone
  /// Called on the model's thread for each token; must be quick; may be empty.
  std::function<void(const GeneratedToken&)> on_token;
  /// Called once, on the model's thread, also where it was cancelled.
  std::function<void(GenerationResult)> on_done;
};

/// As OpenAI's finish_reason, and vLLM's "abort" for what was cancelled.
constexpr const char* finish_name(rollout::FinishReason reason) {
  if (reason == rollout::FinishReason::aborted) return "abort";
  return reason == rollout::FinishReason::length ? "length" : "stop";
}

}  // namespace gradus::service
