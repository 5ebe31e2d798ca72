// POST /v1/completions, with what evaluators send: echo, logprobs, max_tokens 0, lists of prompts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/error.h"
#include "base/utf8.h"
#include "service/api/call.h"
#include "service/api/openai/chat_run.h"
#include "service/api/parts.h"
#include "service/models/model_host.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

struct PlainPrompt {
  std::string text;
  std::vector<int32_t> tokens;
};

struct CompletionWish {
  std::string model_name;
  std::shared_ptr<LoadedModel> model;
  std::vector<PlainPrompt> prompts;
  int64_t max_tokens = 16;
  int best_of = 1;
  bool echoes = false;
  SamplingWish sampling;
};

PlainPrompt prompt_of_text(const LoadedModel& model, const std::string& text) {
  return {text, model.encode_text(text)};
}

PlainPrompt prompt_of_tokens(const LoadedModel& model, const nlohmann::json& list) {
  PlainPrompt prompt;
  for (const auto& id : list) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= model.vocab_size())
      refuse_field("prompt", "holds what is no token of the model");
    prompt.tokens.push_back(id.get<int32_t>());
  }
  prompt.text = model.tokenizer().decode(prompt.tokens);
  return prompt;
}

std::vector<PlainPrompt> read_prompts(const LoadedModel& model, const nlohmann::json& value) {
  if (value.is_string()) return {prompt_of_text(model, value)};
  if (!value.is_array() || value.empty())
    refuse_field_type("prompt", "a string, or an array of strings or tokens", value);
  if (value.front().is_number()) return {prompt_of_tokens(model, value)};
  if (value.size() > 256) refuse_field("prompt", "at most 256 prompts", "array_above_max_length");
  std::vector<PlainPrompt> prompts;
  for (const auto& prompt : value) {
    if (!prompt.is_string() && !prompt.is_array())
      refuse_field_type("prompt", "a string, or an array of strings or tokens", prompt);
    prompts.push_back(prompt.is_string() ? prompt_of_text(model, prompt)
                                         : prompt_of_tokens(model, prompt));
  }
  return prompts;
}

void check_lengths(const CompletionWish& wish) {
  const int64_t context = wish.model->context_length();
  for (const auto& prompt : wish.prompts) {
    const int64_t room = wish.max_tokens > 0 ? context - 1 : context;
    if (std::ssize(prompt.tokens) > room) {
      throw HttpError(400,
                      fmt::format("This model's maximum context length is {} tokens, however the "
                                  "prompt has {}.",
                                  context, prompt.tokens.size()),
                      "context_length_exceeded", "prompt");
    }
    if (prompt.tokens.empty())
      refuse_field("prompt", "is empty, and the model wants no token before a text");
  }
}

CompletionWish read_completion(Call& call, const nlohmann::json& body) {
  Fields fields(body, "");
  CompletionWish wish;
  wish.model_name = fields.text("model");
  wish.model = call.parts.models.use(wish.model_name, call.project());
  wish.prompts = read_prompts(*wish.model, fields.need("prompt"));
  wish.max_tokens = fields.integer("max_tokens", 0, 1 << 30).value_or(16);
  wish.echoes = fields.flag("echo", false);
  const auto logprobs = fields.integer("logprobs", 0, 5);
  wish.sampling.has_scores = logprobs.has_value();
  wish.sampling.num_top = static_cast<int>(logprobs.value_or(0));
  read_sampling(fields, wish.sampling);
  wish.best_of = static_cast<int>(fields.integer("best_of", 0, 20).value_or(wish.sampling.n));
  if (fields.find("best_of") != nullptr && wish.best_of < wish.sampling.n)
    refuse_field("best_of", "must be at least n");
  if (wish.best_of > wish.sampling.n && wish.sampling.streams)
    refuse_field("best_of", "cannot be streamed when it is above n");
  if (const auto suffix = fields.optional_text("suffix"); suffix && !suffix->empty()) {
    throw HttpError(400, "Invalid 'suffix': is not supported.", "unsupported_parameter", "suffix");
  }
  fields.finish();
  check_lengths(wish);
  wish.sampling.sampling.max_tokens = static_cast<int>(
      std::min(std::max<int64_t>(1, wish.max_tokens), wish.model->context_length()));
  return wish;
}

/// Old-style logprobs: parallel lists of texts, logprobs, likeliest tokens and offsets.
nlohmann::json lists_json(const policy::Tokenizer& tokenizer, const std::vector<TokenScore>& scores,
                          int64_t offset) {
  nlohmann::json lists{{"tokens", nlohmann::json::array()},
                       {"token_logprobs", nlohmann::json::array()},
                       {"top_logprobs", nlohmann::json::array()},
                       {"text_offset", nlohmann::json::array()}};
  const auto text_of = [&](int32_t token) { return to_valid_utf8(tokenizer.token_bytes(token)); };
  for (const auto& score : scores) {
    const std::string text = text_of(score.token);
    lists["tokens"].push_back(text);
    lists["token_logprobs"].push_back(std::isnan(score.logprob) ? nlohmann::json()
                                                                : nlohmann::json(score.logprob));
    if (std::isnan(score.logprob)) {
      lists["top_logprobs"].push_back(nullptr);
    } else {
      auto top = nlohmann::json::object();
      for (const auto& [token, logprob] : score.top) top[text_of(token)] = logprob;
      lists["top_logprobs"].push_back(std::move(top));
    }
    lists["text_offset"].push_back(offset);
    offset += num_code_points(text);
  }
  return lists;
}

double mean_logprob(const GeneratedText& text) {
  double sum = 0.0;
  for (const auto& score : text.scores) sum += score.logprob;
  return text.scores.empty() ? 0.0 : sum / static_cast<double>(text.scores.size());
}

/// All prompts of one request; calls come from the model's thread alone.
class CompletionRun : public std::enable_shared_from_this<CompletionRun> {
 public:
  CompletionRun(std::shared_ptr<Call> call, CompletionWish wish)
      : call_(std::move(call)), wish_(std::move(wish)), results_(wish_.prompts.size()) {
    head_ = {{"id", random_id("cmpl-", 29)},
             {"object", "text_completion"},
             {"created", call_->parts.store.now()},
             {"model", wish_.model_name},
             {"system_fingerprint", "gradus"}};
  }

  void start() {
    if (wish_.sampling.streams) stream_ = call_->exchange->open_stream(sse_head());
    std::vector<LoadedModel::Ticket> tickets;
    for (size_t i = 0; i < wish_.prompts.size(); ++i)
      tickets.push_back(wish_.model->submit(request_of(i)));
    call_->exchange->when_gone([weak = std::weak_ptr(wish_.model), tickets] {
      const auto model = weak.lock();
      for (const auto ticket : tickets)
        if (model) model->cancel(ticket);
    });
  }

 private:
  GenerationRequest request_of(size_t prompt) {
    GenerationRequest request;
    request.tokens = wish_.prompts[prompt].tokens;
    request.n = std::max(wish_.best_of, wish_.sampling.n);
    request.seed = wish_.sampling.seed;
    request.prompt_key = prompt;
    request.sampling = wish_.sampling.sampling;
    request.editor = make_logit_editor(wish_.sampling.rules);
    request.has_scores = wish_.sampling.has_scores || wish_.best_of > wish_.sampling.n;
    request.num_top = wish_.sampling.num_top;
    request.scores_prompt = wish_.echoes && wish_.sampling.has_scores;
    request.generates = wish_.max_tokens > 0;
    if (stream_ && wish_.echoes) {
      for (int i = 0; i < wish_.sampling.n; ++i)
        send(choice_index(prompt, i), wish_.prompts[prompt].text, {}, nullptr);
    }
    const auto self = shared_from_this();
    request.on_token = [self, prompt](const GeneratedToken& token) { self->take(prompt, token); };
    request.on_done = [self, prompt](GenerationResult result) {
      self->finish(prompt, std::move(result));
    };
    return request;
  }

  int choice_index(size_t prompt, int index) const {
    return static_cast<int>(prompt) * wish_.sampling.n + index;
  }

  void take(size_t prompt, const GeneratedToken& token) {
    ++completion_tokens_;
    if (!stream_) return;
    std::vector<TokenScore> scores;
    const bool is_text = !token.text.empty();
    if (token.score && is_text) scores.push_back(*token.score);
    nlohmann::json finish;
    if (token.finish) finish = finish_name(*token.finish);
    if (is_text || token.finish)
      send(choice_index(prompt, token.index), token.text, scores, finish);
  }

  void send(int index, const std::string& text, const std::vector<TokenScore>& scores,
            const nlohmann::json& finish) {
    auto json = head_;
    json["choices"] = {{{"index", index},
                        {"text", text},
                        {"logprobs", wish_.sampling.has_scores && !scores.empty()
                                         ? lists_json(wish_.model->tokenizer(), scores, 0)
                                         : nlohmann::json()},
                        {"finish_reason", finish}}};
    if (wish_.sampling.includes_usage) json["usage"] = nullptr;
    stream_->write(sse_text(json));
  }

  void finish(size_t prompt, GenerationResult result) {
    if (!result.error.empty()) error_ = result.error;
    for (const auto& completion : result.completions)
      if (completion.finish == rollout::FinishReason::failed) error_ = completion.error;
    for (size_t i = 0; stream_ && i < result.completions.size(); ++i)
      if (result.completions[i].finish == rollout::FinishReason::aborted)  // no token says so
        send(choice_index(prompt, static_cast<int>(i)), "", {},
             finish_name(rollout::FinishReason::aborted));
    results_[prompt] = std::move(result);
    if (++num_done_ < results_.size()) return;
    int64_t prompt_tokens = 0;
    for (const auto& each : wish_.prompts) prompt_tokens += std::ssize(each.tokens);
    const nlohmann::json usage{{"prompt_tokens", prompt_tokens},
                               {"completion_tokens", completion_tokens_},
                               {"total_tokens", prompt_tokens + completion_tokens_}};
    note_usage(*call_, wish_.model_name, "completions", error_.empty() ? "ok" : "failed",
               prompt_tokens, completion_tokens_);
    if (stream_) return end_stream(usage);
    if (!error_.empty())
      return call_->answer(error_response(HttpError(500, "The model failed: " + error_)));
    auto json = head_;
    json["choices"] = choices_json();
    json["usage"] = usage;
    call_->answer_json(json);
  }

  void end_stream(const nlohmann::json& usage) {
    if (!error_.empty()) {
      stream_->write("data: " + error_response(HttpError(500, "The model failed: " + error_)).body +
                     "\n\n");
    } else if (wish_.sampling.includes_usage) {
      auto json = head_;
      json["choices"] = nlohmann::json::array();
      json["usage"] = usage;
      stream_->write(sse_text(json));
    }
    stream_->write(kSseEnd);
    stream_->end();
  }

  nlohmann::json choices_json() {
    auto choices = nlohmann::json::array();
    for (size_t prompt = 0; prompt < results_.size(); ++prompt) {
      auto& result = results_[prompt];
      if (wish_.max_tokens == 0) result.completions.resize(static_cast<size_t>(wish_.sampling.n));
      if (wish_.best_of > wish_.sampling.n)
        std::ranges::stable_sort(result.completions, [](const auto& a, const auto& b) {
          return mean_logprob(a) > mean_logprob(b);
        });
      for (int i = 0; i < wish_.sampling.n; ++i) {
        choices.push_back(choice_json(prompt, i, result.completions[static_cast<size_t>(i)]));
      }
    }
    return choices;
  }

  nlohmann::json choice_json(size_t prompt, int index, const GeneratedText& completion) {
    const std::string before = wish_.echoes ? wish_.prompts[prompt].text : "";
    nlohmann::json logprobs;
    if (wish_.sampling.has_scores) {
      auto scores = completion.scores;
      if (completion.finish == rollout::FinishReason::stop)
        cut_scores(wish_.model->tokenizer(), completion.text, scores);
      if (wish_.echoes)
        scores.insert(scores.begin(), results_[prompt].prompt_scores.begin(),
                      results_[prompt].prompt_scores.end());
      logprobs =
          lists_json(wish_.model->tokenizer(), scores, wish_.echoes ? 0 : num_code_points(before));
    }
    return {{"index", choice_index(prompt, index)},
            {"text", before + completion.text},
            {"logprobs", logprobs},
            {"finish_reason", wish_.max_tokens > 0 ? finish_name(completion.finish) : "length"}};
  }

  std::shared_ptr<Call> call_;
  CompletionWish wish_;
  std::vector<GenerationResult> results_;
  nlohmann::json head_;
  std::shared_ptr<ResponseStream> stream_;
  size_t num_done_ = 0;
  int64_t completion_tokens_ = 0;
  std::string error_;
};

void create_completion(const std::shared_ptr<Call>& call) {
  std::make_shared<CompletionRun>(call, read_completion(*call, call->body()))->start();
}

constexpr Route kCompletionRoutes[] = {
    {"POST", "/v1/completions", Scope::infer, "go on with a text", create_completion,
     BodyKind::json},
};

}  // namespace

extern const Resource kCompletionsResource{"completions", kCompletionRoutes};

}  // namespace gradus::service
