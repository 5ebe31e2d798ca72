#include "service/api/openai/chat_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "service/api/parts.h"
#include "service/api/service_metrics.h"
#include "service/models/output_parts.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

/// One chat on its way; calls come from the model's thread alone.
class ChatRun {
 public:
  ChatRun(std::shared_ptr<Call> call, const ChatWish& wish, ChatListener listener,
          int64_t prompt_tokens, OutputParts::Wish parts)
      : call_(std::move(call)),
        model_(wish.model),
        model_name_(wish.model_name),
        listener_(std::move(listener)) {
    outcome_.prompt_tokens = prompt_tokens;
    outcome_.choices.resize(static_cast<size_t>(wish.sampling.n));
    pending_.resize(outcome_.choices.size());
    parts_.assign(outcome_.choices.size(), OutputParts(parts));
  }

  void take(const GeneratedToken& token) {
    const auto index = static_cast<size_t>(token.index);
    if (token.score) pending_[index].push_back(*token.score);
    ++outcome_.completion_tokens;
    const auto piece = parts_[index].push(token.text);
    if (piece.content.empty() && !piece.reasoning.empty()) ++outcome_.reasoning_tokens;
    if (!token.finish) give(token.index, piece);
    if (token.finish) end(token.index, piece, *token.finish);
  }

  void finish(const GenerationResult& result) {
    outcome_.error = result.error;
    for (size_t i = 0; i < result.completions.size(); ++i) {
      const auto& completion = result.completions[i];
      if (completion.finish == rollout::FinishReason::failed) outcome_.error = completion.error;
      if (completion.finish == rollout::FinishReason::aborted)  // no token says so
        end(static_cast<int>(i), {}, rollout::FinishReason::aborted);
    }
    note_usage(*call_, model_name_, "chat", outcome_.error.empty() ? "ok" : "failed",
               outcome_.prompt_tokens, outcome_.completion_tokens);
    listener_.on_done(outcome_);
  }

 private:
  void give(int index, const OutputParts::Piece& piece) {
    auto& choice = outcome_.choices[static_cast<size_t>(index)];
    choice.reasoning += piece.reasoning;
    choice.content += piece.content;
    if (piece.reasoning.empty() && piece.content.empty()) return;
    ChatDelta delta{index, piece.reasoning, piece.content,
                    std::exchange(pending_[static_cast<size_t>(index)], {})};
    for (const auto& score : delta.scores) choice.scores.push_back(score);
    if (listener_.on_delta) listener_.on_delta(delta);
  }

  void end(int index, OutputParts::Piece piece, rollout::FinishReason reason) {
    const auto place = static_cast<size_t>(index);
    const auto rest = parts_[place].finish();
    piece.reasoning += rest.reasoning;
    piece.content += rest.content;
    auto& choice = outcome_.choices[place];
    auto& pending = pending_[place];
    if (reason == rollout::FinishReason::stop) {
      // The token that ended it, and those of a stop string, are not part of the text.
      const std::string text = choice.reasoning + choice.content + piece.reasoning + piece.content;
      auto all = choice.scores;
      all.insert(all.end(), pending.begin(), pending.end());
      cut_scores(model_->tokenizer(), text, all);
      const size_t kept = all.size() > choice.scores.size() ? all.size() - choice.scores.size() : 0;
      pending.resize(std::min(pending.size(), kept));
    }
    give(index, piece);
    for (const auto& score : pending) choice.scores.push_back(score);
    choice.tool_calls = parts_[place].tool_calls();
    choice.finish = finish_name(reason);
    if (choice.finish == "stop" && !choice.tool_calls.empty()) choice.finish = "tool_calls";
    if (listener_.on_choice) listener_.on_choice(index, choice);
  }

  std::shared_ptr<Call> call_;
  std::shared_ptr<LoadedModel> model_;
  std::string model_name_;
  ChatListener listener_;
  ChatOutcome outcome_;
  std::vector<std::vector<TokenScore>> pending_;
  std::vector<OutputParts> parts_;
};

std::string rendered(const ChatWish& wish) {
  try {
    return wish.model->render_chat(wish.messages, wish.tools, wish.variables);
  } catch (const Error& error) {
    throw HttpError(400,
                    fmt::format("The model's chat template refuses the messages: {}", error.what()),
                    "invalid_value", "messages");
  }
}

}  // namespace

void run_chat(const std::shared_ptr<Call>& call, const ChatWish& wish, ChatListener listener) {
  const LoadedModel& model = *wish.model;
  const std::string prompt = rendered(wish);
  GenerationRequest request;
  request.tokens = model.encode_chat(prompt);
  const auto length = std::ssize(request.tokens);
  if (length >= model.context_length() || request.tokens.empty()) {
    throw HttpError(400,
                    fmt::format("This model's maximum context length is {} tokens. However, your "
                                "messages resulted in {} tokens.",
                                model.context_length(), length),
                    "context_length_exceeded", "messages");
  }
  const SamplingWish& sampling = wish.sampling;
  request.n = sampling.n;
  request.seed = sampling.seed;
  request.sampling = sampling.sampling;
  request.editor = join_editors(make_logit_editor(sampling.rules), sampling.grammar);
  request.has_scores = sampling.has_scores;
  request.num_top = sampling.num_top;
  OutputParts::Wish parts;
  parts.thinking = wish.splits_thinking && model.has_thinking();
  const size_t last = prompt.find_last_not_of(" \t\r\n");
  parts.is_open = parts.thinking && last != std::string::npos &&
                  std::string_view(prompt).substr(0, last + 1).ends_with("<think>");
  parts.tool_calls = !wish.tools.is_null();
  const auto run = std::make_shared<ChatRun>(call, wish, std::move(listener), length, parts);
  request.on_token = [run](const GeneratedToken& token) { run->take(token); };
  request.on_done = [run](const GenerationResult& result) { run->finish(result); };
  const auto ticket = wish.model->submit(std::move(request));
  call->exchange->when_gone([weak = std::weak_ptr(wish.model), ticket] {
    if (const auto model = weak.lock()) model->cancel(ticket);
  });
}

void cut_scores(const policy::Tokenizer& tokenizer, const std::string& text,
                std::vector<TokenScore>& scores) {
  size_t total = 0;
  for (const auto& score : scores) total += tokenizer.token_bytes(score.token).size();
  while (!scores.empty()) {
    const int32_t last = scores.back().token;
    const bool is_end = std::ranges::find(tokenizer.eos_ids(), last) != tokenizer.eos_ids().end();
    if (total <= text.size() && !is_end) return;
    total -= tokenizer.token_bytes(last).size();
    scores.pop_back();
  }
}

nlohmann::json logprobs_json(const policy::Tokenizer& tokenizer,
                             const std::vector<TokenScore>& scores) {
  const auto entry = [&](int32_t token, float logprob) {
    const std::string bytes = tokenizer.token_bytes(token);
    auto list = nlohmann::json::array();
    for (const char c : bytes) list.push_back(static_cast<unsigned char>(c));
    return nlohmann::json{{"token", to_valid_utf8(bytes)},
                          {"logprob", std::max(logprob, -9999.0F)},
                          {"bytes", std::move(list)}};
  };
  auto content = nlohmann::json::array();
  for (const auto& score : scores) {
    auto item = entry(score.token, score.logprob);
    item["top_logprobs"] = nlohmann::json::array();
    for (const auto& [token, logprob] : score.top)
      item["top_logprobs"].push_back(entry(token, logprob));
    content.push_back(std::move(item));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

nlohmann::json usage_json(const ChatOutcome& outcome) {
  return {{"prompt_tokens", outcome.prompt_tokens},
          {"completion_tokens", outcome.completion_tokens},
          {"total_tokens", outcome.prompt_tokens + outcome.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", 0}}},
          {"completion_tokens_details", {{"reasoning_tokens", outcome.reasoning_tokens}}}};
}

std::string sse_text(const nlohmann::json& value) {
  return "data: " + dump_json(value) + "\n\n";
}

Response sse_head() {
  Response head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
  return head;
}

void note_usage(const Call& call, const std::string& model, const std::string& endpoint,
                const std::string& status, int64_t prompt_tokens, int64_t completion_tokens) {
  call.parts.metrics.count_tokens(model, prompt_tokens, completion_tokens);
  Store& store = call.parts.store;
  const int64_t now = store.now();
  store.write_later([=, project = call.key.project, key = call.key.id](Database& database) {
    database.change(
        "INSERT INTO usage(created, project, key, model, endpoint, status, prompt_tokens, "
        "completion_tokens) VALUES(?,?,?,?,?,?,?,?)",
        {now, project, key, model, endpoint, status, prompt_tokens, completion_tokens});
  });
}

}  // namespace gradus::service
