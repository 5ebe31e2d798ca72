#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "service/api/call.h"
#include "service/http/fields.h"
#include "service/models/loaded_model.h"
#include "service/models/logit_rules.h"

namespace gradus::service {

/// What chat completions, completions and responses have in common.
struct SamplingWish {
  rollout::SamplingConfig sampling;
  LogitRules rules;
  int n = 1;
  uint64_t seed = 0;
  bool has_scores = false;
  int num_top = 0;
  bool streams = false;
  bool includes_usage = false;
  std::shared_ptr<rollout::LogitEditor> grammar;
};

/// temperature, top_p, top_k, min_p, n, seed, stop, penalties, logit_bias, stream, stream_options.
/// @throws HttpError
void read_sampling(Fields& fields, SamplingWish& wish);

struct ChatWish {
  std::string model_name;
  std::shared_ptr<LoadedModel> model;
  nlohmann::ordered_json messages;
  nlohmann::ordered_json tools;
  nlohmann::ordered_json variables;
  bool splits_thinking = true;
  SamplingWish sampling;
};

/// Checks messages in OpenAI's form and brings them into the templates' one: parts joined, null
/// fields dropped, calls' arguments as objects. @throws HttpError  param "messages[i]...".
nlohmann::ordered_json read_messages(const nlohmann::json& messages, const std::string& where);

struct ChatDelta {
  int index = 0;
  std::string reasoning;
  std::string content;
  std::vector<TokenScore> scores;
};

struct ChatChoice {
  std::string reasoning;
  std::string content;
  nlohmann::json tool_calls;  ///< an array, empty: none
  std::string finish;         ///< stop, length, tool_calls
  std::vector<TokenScore> scores;
};

struct ChatOutcome {
  std::vector<ChatChoice> choices;
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t reasoning_tokens = 0;
  std::string error;  ///< why nothing, or no more, was generated
};

struct ChatListener {
  std::function<void(const ChatDelta&)> on_delta;               ///< may be empty
  std::function<void(int index, const ChatChoice&)> on_choice;  ///< ended; may be empty
  std::function<void(const ChatOutcome&)> on_done;
};

/// Answers a chat; calls come from the model's thread. Stops where the client goes.
/// @throws HttpError  before anything was called: the messages do not fit the context or template.
void run_chat(const std::shared_ptr<Call>& call, const ChatWish& wish, ChatListener listener);

/// {"content": [{token, logprob, bytes, top_logprobs}], "refusal": null}
nlohmann::json logprobs_json(const policy::Tokenizer& tokenizer,
                             const std::vector<TokenScore>& scores);
nlohmann::json usage_json(const ChatOutcome& outcome);

/// Drops the scores of tokens whose bytes are not part of a text that ended at a stop.
void cut_scores(const policy::Tokenizer& tokenizer, const std::string& text,
                std::vector<TokenScore>& scores);

/// "data: {...}\n\n"
std::string sse_text(const nlohmann::json& value);
Response sse_head();
constexpr const char* kSseEnd = "data: [DONE]\n\n";

/// A line of usage, written in its own time.
void note_usage(const Call& call, const std::string& model, const std::string& endpoint,
                const std::string& status, int64_t prompt_tokens, int64_t completion_tokens);

}  // namespace gradus::service
