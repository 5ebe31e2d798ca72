#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gradus::rollout {

/// One question, as the policy reads it.
struct Prompt {
  std::string id;               ///< stable: file and line, or task and index
  std::string text;             ///< rendered through the chat template or as given
  std::vector<int32_t> tokens;  ///< of text, bos included where the model wants one
  nlohmann::json messages;      ///< array of {role, content}, or null for plain text
  nlohmann::json row;           ///< the data row that reward rules read
  /// [tokens, mixture layers, K] experts that the sampler's routers chose, ascending within a token
  /// and layer; empty: not kept (RolloutRequest::keeps_experts).
  std::vector<uint16_t> experts;
};

enum class FinishReason {
  stop,     ///< a stop token or stop string
  length,   ///< max_tokens or the context's end
  aborted,  ///< cancelled
  failed,   ///< an error; see Completion::error
};

/// A span of a completion's tokens that one side wrote.
struct Turn {
  int64_t begin = 0;  ///< of tokens; a turn begins where the one before ends
  int64_t end = 0;
  bool is_trained = true;  ///< sampled by the policy; false: it only read them, or they are masked
  std::string reason;      ///< why not, e.g. "tool output", "truncated"; empty where trained
  int64_t policy_version = -1;  ///< of the weights that sampled it
};

struct Completion {
  std::vector<int32_t> tokens;  ///< sampled ids, the stop token included; the truth for training
  std::vector<float> logprobs;  ///< [tokens] of the distribution that was sampled from
  std::vector<float>
      policy_logprobs;  ///< [tokens] at the same temperature without top-k, top-p, min-p
  /// [tokens - 1, mixture layers, K] as Prompt::experts; the last token was not read back.
  std::vector<uint16_t> experts;
  std::string text;  ///< tokens decoded, without the stop token or stop string
  FinishReason finish = FinishReason::failed;
  std::string error;            ///< why it failed
  int64_t policy_version = -1;  ///< of the weights that sampled it
  std::vector<Turn> turns;      ///< of all tokens, in order; empty: one turn, which is trained
  int index = 0;                ///< within its group
  double seconds = 0.0;         ///< from admission to the end

  bool is_truncated() const { return finish == FinishReason::length; }
  /// The oldest weights that sampled a part of it; -1: unknown.
  int64_t oldest_version() const {
    int64_t oldest = policy_version;
    for (const Turn& turn : turns)
      if (turn.is_trained) oldest = std::min(oldest, turn.policy_version);
    return oldest;
  }
};

/// Whether a completion may be trained on and graded: it ended by itself or by length, and has
/// tokens.
inline bool is_trainable(const Completion& completion) {
  const bool has_ended = completion.finish == FinishReason::stop || completion.is_truncated();
  return has_ended && !completion.tokens.empty();
}

/// The completions of one prompt, in order of their index; failed ones stay as records.
struct Rollout {
  Prompt prompt;
  std::vector<Completion> completions;
};

}  // namespace gradus::rollout
