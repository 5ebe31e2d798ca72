#include "service/tinker/sample_wish.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "service/http/fields.h"
#include "service/http/message.h"
#include "service/training/messages.h"

namespace gradus::service {
namespace {

constexpr int kMostSamples = 1024;
constexpr int kMostTop = 128;
constexpr size_t kMostStops = 64;

/// A token's id. @throws RequestError  the value is no whole number from `low` on, or no token.
int32_t token_id(const nlohmann::json& value, int64_t low, const ModelFacts& facts,
                 const char* where) {
  const bool is_huge = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
  if (!value.is_number_integer() || is_huge || value.get<int64_t>() < low ||
      value.get<int64_t>() >= facts.vocab_size)
    throw RequestError(fmt::format("{}: {} is no token; the vocabulary has {}", where, value.dump(),
                                   facts.vocab_size));
  return value.get<int32_t>();
}

std::vector<int32_t> read_prompt_tokens(const nlohmann::json& prompt, const ModelFacts& facts) {
  Fields fields(prompt, "prompt");
  const auto& chunks = fields.need("chunks");
  fields.finish();
  if (!chunks.is_array()) refuse_field_type("prompt.chunks", "an array", chunks);
  std::vector<int32_t> tokens;
  for (const auto& chunk : chunks) {
    Fields inner(chunk, "prompt.chunks[]");
    const auto type = inner.optional_text("type", 64).value_or("encoded_text");
    if (type != "encoded_text")
      throw RequestError("prompt.chunks[]: is of type " + type +
                         "; this server takes encoded_text alone");
    const auto& list = inner.need("tokens");
    inner.finish();
    if (!list.is_array()) refuse_field_type("prompt.chunks[].tokens", "an array", list);
    for (const auto& token : list) {
      if (!token.is_number_integer())
        refuse_field_type("prompt.chunks[].tokens", "integers", token);
      tokens.push_back(token_id(token, 0, facts, "prompt"));
    }
  }
  if (tokens.empty()) throw RequestError("prompt: is empty");
  return tokens;
}

void read_stops(Fields& fields, const ModelFacts& facts, SampleWish& wish) {
  const auto* stop = fields.find("stop");
  if (stop == nullptr) return;
  if (!stop->is_string() && !stop->is_array())
    refuse_field_type("sampling_params.stop", "a string, or an array of strings or token ids",
                      *stop);
  const auto list = stop->is_array() ? *stop : nlohmann::json::array({*stop});
  wish.ignores_end = list.empty();
  if (list.size() > kMostStops)
    refuse_field("sampling_params.stop", fmt::format("at most {} entries", kMostStops));
  for (const auto& entry : list) {
    if (entry.is_string() && !entry.get_ref<const std::string&>().empty()) {
      wish.sampling.stop.push_back(entry);
    } else if (entry.is_number_integer()) {
      wish.sampling.stop_token_ids.push_back(token_id(entry, 0, facts, "sampling_params.stop"));
    } else {
      refuse_field("sampling_params.stop", "an entry is neither a text nor a token id");
    }
  }
}

void read_sampling_params(const nlohmann::json& params, const ModelFacts& facts, SampleWish& wish) {
  Fields fields(params, "sampling_params");
  auto& sampling = wish.sampling;
  sampling.temperature = fields.number("temperature", 0.0, 100.0).value_or(1.0);
  if (sampling.temperature < 1e-3) sampling.temperature = 0.0;
  sampling.top_p = fields.number("top_p", 0.0, 1.0, true).value_or(1.0);
  const auto top_k = fields.integer("top_k", -1, INT32_MAX).value_or(-1);
  sampling.top_k = static_cast<int>(std::max<int64_t>(0, top_k));
  if (const auto seed = fields.integer("seed", INT64_MIN, INT64_MAX))
    wish.seed = static_cast<uint64_t>(*seed);
  const int64_t room = facts.context_length - std::ssize(wish.tokens);
  wish.max_tokens = std::min(fields.integer("max_tokens", 0, INT32_MAX).value_or(room), room);
  read_stops(fields, facts, wish);
  fields.finish();
}

void refuse_what_is_missing(Fields& fields) {
  if (fields.flag("record_stability_info", false))
    throw RequestError("record_stability_info: is not supported by this server");
}

/// target_prompt_logprobs: an int64 tensor [prompt - 1, K] of ids, -1 where nothing is asked.
void read_targets(Fields& fields, const ModelFacts& facts, SampleWish& wish) {
  const auto* tensor = fields.find("target_prompt_logprobs");
  if (tensor == nullptr) return;
  Fields inner(*tensor, "target_prompt_logprobs");
  if (inner.find("sparse_crow_indices") != nullptr || inner.find("sparse_col_indices") != nullptr)
    throw RequestError("target_prompt_logprobs: sparse tensors are not supported");
  inner.choice("dtype", {"int64"});
  const auto& data = inner.need("data");
  const auto& shape = inner.need("shape");
  inner.finish();
  const auto rows = std::ssize(wish.tokens) - 1;
  const bool is_matrix = shape.is_array() && shape.size() == 2 && shape[0] == rows &&
                         shape[1].is_number_unsigned() && shape[1] >= 1 && shape[1] <= kMostTop;
  if (!is_matrix || !data.is_array() ||
      data.size() != static_cast<size_t>(rows) * shape[1].get<size_t>())
    throw RequestError(fmt::format(
        "target_prompt_logprobs: must be of shape [{}, K], K from 1 to {}", rows, kMostTop));
  const auto width = shape[1].get<size_t>();
  for (size_t i = 0; i < data.size(); ++i) {
    if (i % width == 0) wish.targets.emplace_back();
    wish.targets.back().push_back(token_id(data[i], -1, facts, "target_prompt_logprobs"));
  }
}

WireSequence wire_sequence(GeneratedText& text) {
  if (text.finish == rollout::FinishReason::failed) throw Error(text.error);
  if (text.finish == rollout::FinishReason::aborted) throw Error("cancelled");
  WireSequence sequence;
  sequence.is_stopped = text.finish == rollout::FinishReason::stop;
  sequence.tokens = std::move(text.tokens);
  sequence.logprobs = std::move(text.logprobs);
  for (auto& score : text.scores) sequence.top.push_back(std::move(score.top));
  return sequence;
}

}  // namespace

SampleWish read_sample(const nlohmann::json& body, const ModelFacts& facts) {
  Fields fields(body, "");
  SampleWish wish;
  refuse_what_is_missing(fields);
  wish.num_samples = static_cast<int>(fields.integer("num_samples", 1, kMostSamples).value_or(1));
  wish.tokens = read_prompt_tokens(fields.need("prompt"), facts);
  const int64_t length = std::ssize(wish.tokens);
  if (length > facts.context_length)
    throw RequestError(fmt::format("prompt: has {} tokens, the model's context is {}", length,
                                   facts.context_length));
  read_sampling_params(fields.need("sampling_params"), facts, wish);
  wish.has_prompt_logprobs = fields.flag("prompt_logprobs", false);
  read_targets(fields, facts, wish);
  wish.num_top = static_cast<int>(fields.integer("topk_sample_logprobs", 0, kMostTop).value_or(0));
  wish.num_top_prompt =
      static_cast<int>(fields.integer("topk_prompt_logprobs", 0, kMostTop).value_or(0));
  wish.num_drawn = static_cast<int>(fields.integer("prompt_alt_tokens_k", 0, kMostTop).value_or(0));
  const int most = static_cast<int>(std::min<int64_t>(kMostTop, facts.vocab_size));
  if (std::max(wish.num_top, wish.num_top_prompt) > most)
    refuse_field("topk_sample_logprobs", fmt::format("must be at most {}", most));
  const auto last_n = fields.integer("prompt_logprobs_last_n", 1, std::max<int64_t>(1, length - 1));
  if (last_n && !wish.has_prompt_logprobs)
    throw RequestError("prompt_logprobs_last_n: needs prompt_logprobs");
  wish.last_n = last_n.value_or(0);
  if (wish.max_tokens == 0 && !wish.scores_prompt())
    throw RequestError(fmt::format(
        "sampling_params.max_tokens: no token can be sampled behind {} tokens of prompt in a "
        "context of {}, or none is asked for",
        length, facts.context_length));
  fields.pass_over({"type", "sampling_session_id", "seq_id", "model_path", "base_model"});
  fields.finish();
  return wish;
}

GenerationRequest generation_of(const SampleWish& wish, uint64_t seed) {
  GenerationRequest request;
  request.tokens = wish.tokens;
  request.n = wish.num_samples;
  request.seed = seed;
  request.sampling = wish.sampling;
  request.sampling.max_tokens = static_cast<int>(std::max<int64_t>(1, wish.max_tokens));
  request.ignores_end = wish.ignores_end;
  request.has_scores = wish.num_top > 0;
  request.num_top = wish.num_top;
  request.num_top_prompt = wish.num_top_prompt;
  request.score_temperature = wish.sampling.temperature > 0.0 ? wish.sampling.temperature : 1.0;
  request.scores_prompt = wish.scores_prompt();
  request.prompt_targets = wish.targets;
  request.num_drawn = wish.num_drawn;
  request.generates = wish.max_tokens > 0;
  return request;
}

std::string write_generation(const SampleWish& wish, GenerationResult& result) {
  if (!result.error.empty()) throw Error(result.error);
  WireSample sample;
  sample.num_top = wish.num_top;
  for (auto& text : result.completions) sample.sequences.push_back(wire_sequence(text));
  if (wish.max_tokens == 0) sample.sequences.resize(static_cast<size_t>(wish.num_samples));
  auto& scores = result.prompt_scores;
  const size_t first =
      wish.last_n > 0 ? scores.size() - std::min(scores.size(), static_cast<size_t>(wish.last_n))
                      : 0;
  sample.has_prompt_logprobs = wish.has_prompt_logprobs;
  sample.num_top_prompt = wish.num_top_prompt;
  for (size_t i = 0; i < scores.size(); ++i) {
    const bool is_scored = i >= first;
    if (wish.has_prompt_logprobs)
      sample.prompt_logprobs.push_back(is_scored ? scores[i].logprob
                                                 : std::numeric_limits<float>::quiet_NaN());
    auto& top = scores[i].top;
    if (!is_scored) top.clear();
    if (std::ssize(top) > wish.num_top_prompt) top.resize(static_cast<size_t>(wish.num_top_prompt));
    if (wish.num_top_prompt > 0) sample.prompt_top.push_back(std::move(top));
  }
  if (wish.num_drawn > 0) sample.drawn_shape = {std::ssize(wish.tokens) - 1, wish.num_drawn};
  for (const auto& score : scores) {
    for (const auto& [token, logprob] : score.drawn) {
      sample.drawn.push_back(token);
      sample.drawn_logprobs.push_back(logprob);
    }
  }
  if (!wish.targets.empty()) {
    sample.target_shape = {std::ssize(wish.targets), std::ssize(wish.targets.front())};
    for (const auto& score : scores)
      sample.target_logprobs.insert(sample.target_logprobs.end(), score.targets.begin(),
                                    score.targets.end());
  }
  return write_sample(sample);
}

}  // namespace gradus::service
