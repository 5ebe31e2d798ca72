#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "rollout/engine/completion_text.h"
#include "rollout/engine/sampler.h"
#include "rollout/records.h"
#include "rollout/rollout_request.h"

namespace gradus::rollout {

/// One token as it was sampled, for streams.
struct TokenEvent {
  int completion = 0;  ///< index within the group
  int32_t token = 0;
  float logprob = 0.0F;
  float policy_logprob = 0.0F;
  std::string_view text;  ///< text that became certain; later events never take it back
  std::optional<FinishReason> finish;  ///< of the last token
  std::span<const float> logits;       ///< [V] it was drawn from; where the request shows them
};

/// Called from the thread that steps the engine; `text` is valid during the call.
using TokenCallback = std::function<void(const TokenEvent&)>;

/// The cache blocks that hold a row of tokens.
struct BlockTable {
  std::vector<int32_t> blocks;
  int64_t cached = 0;    ///< tokens whose keys and values are in the blocks
  int64_t computed = 0;  ///< the most that ever were: below it work is done again
};

enum class Phase { waiting, running, done };

/// One completion on its way.
struct Sequence {
  Sequence(const policy::Tokenizer& tokenizer, const RolloutRequest& request, int index)
      : random(request.seed, request.step, request.prompt_key, static_cast<uint64_t>(index)),
        text(tokenizer, request.sampling.stop) {
    completion.index = index;
  }

  RandomStream random;
  CompletionText text;
  Completion completion;
  BlockTable cache;
  Phase phase = Phase::waiting;
  /// Speculative decoding: the guess at the token behind those sampled; verified with the next one.
  std::optional<int32_t> draft;
};

/// One request: its prompt is computed once, its sequences begin from the prompt's blocks.
/// Stays where it is (sequences refer to the request).
struct Job {
  Job(int64_t ticket_, RolloutRequest request_, TokenCallback on_token_)
      : ticket(ticket_),
        request(std::move(request_)),
        sampler(request.sampling),
        on_token(std::move(on_token_)) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  int64_t prompt_tokens() const { return static_cast<int64_t>(request.prompt.tokens.size()); }

  int64_t ticket;
  RolloutRequest request;
  Sampler sampler;
  TokenCallback on_token;
  std::vector<int32_t> stop_ids;
  int64_t max_new_tokens = 0;

  /// The prompt's blocks; phase done: complete, and sequences may begin from them.
  BlockTable prompt;
  /// Speculative decoding: [1, D] hidden state of the prompt's last token, from which each
  /// completion's first draft is made.
  at::Tensor prompt_hidden;
  Phase prompt_phase = Phase::waiting;
  bool has_first_tokens = false;

  std::vector<Sequence> sequences;
  int num_open = 0;     ///< sequences that are not done
  int num_waiting = 0;  ///< sequences in phase waiting
  std::optional<double> admitted_s;
};

}  // namespace gradus::rollout
