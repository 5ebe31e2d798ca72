// Fields that chat completions, completions and responses share.
#include <sys/random.h>

#include <charconv>

#include "service/api/openai/chat_run.h"

namespace gradus::service {
namespace {

uint64_t random_seed() {
  uint64_t seed = 0;
  while (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
  }
  return seed;
}

void read_stop(Fields& fields, SamplingWish& wish) {
  const auto* stop = fields.find("stop");
  if (stop == nullptr) return;
  if (!stop->is_string() && !stop->is_array())
    refuse_field_type("stop", "a string or an array of strings", *stop);
  const auto list = stop->is_array() ? *stop : nlohmann::json::array({*stop});
  if (list.size() > 4) refuse_field("stop", "at most 4 strings", "array_above_max_length");
  for (const auto& text : list) {
    if (!text.is_string()) refuse_field_type("stop", "a string or an array of strings", text);
    if (text.get_ref<const std::string&>().empty()) refuse_field("stop", "a string is empty");
    wish.sampling.stop.push_back(text);
  }
}

void read_bias(Fields& fields, SamplingWish& wish) {
  const auto* bias = fields.find("logit_bias");
  if (bias == nullptr) return;
  if (!bias->is_object()) refuse_field_type("logit_bias", "an object", *bias);
  for (const auto& [key, value] : bias->items()) {
    int32_t token = 0;
    const auto read = std::from_chars(key.data(), key.data() + key.size(), token);
    if (read.ec != std::errc() || read.ptr != key.data() + key.size())
      refuse_field("logit_bias", "keys must be token ids");
    if (!value.is_number()) refuse_field_type("logit_bias." + key, "a number", value);
    if (value.get<double>() < -100 || value.get<double>() > 100)
      refuse_field("logit_bias", "values must be from -100 to 100");
    wish.rules.bias[token] = value.get<float>();
  }
}

void read_stream(Fields& fields, SamplingWish& wish) {
  wish.streams = fields.flag("stream", false);
  const auto* options = fields.find("stream_options");
  if (options == nullptr) return;
  if (!wish.streams) refuse_field("stream_options", "is allowed with stream=true alone");
  Fields inner(*options, "stream_options");
  wish.includes_usage = inner.flag("include_usage", false);
  inner.pass_over({"include_obfuscation"});
  inner.finish();
}

}  // namespace

void read_sampling(Fields& fields, SamplingWish& wish) {
  auto& sampling = wish.sampling;
  sampling.temperature = fields.number("temperature", 0.0, 2.0).value_or(1.0);
  if (sampling.temperature < 1e-3) sampling.temperature = 0.0;
  sampling.top_p = fields.number("top_p", 0.0, 1.0).value_or(1.0);
  sampling.min_p = fields.number("min_p", 0.0, 1.0).value_or(0.0);
  const auto top_k = fields.integer("top_k", -1, 1 << 30).value_or(0);
  sampling.top_k = static_cast<int>(std::max<int64_t>(0, top_k));
  wish.n = static_cast<int>(fields.integer("n", 1, 128).value_or(1));
  const auto seed = fields.integer("seed", INT64_MIN, INT64_MAX);
  wish.seed = seed ? static_cast<uint64_t>(*seed) : random_seed();
  wish.rules.frequency_penalty = fields.number("frequency_penalty", -2.0, 2.0).value_or(0.0);
  wish.rules.presence_penalty = fields.number("presence_penalty", -2.0, 2.0).value_or(0.0);
  read_stop(fields, wish);
  read_bias(fields, wish);
  read_stream(fields, wish);
  fields.pass_over({"user", "metadata", "store", "service_tier", "prompt_cache_key",
                    "safety_identifier", "cache_prompt", "reasoning_effort", "verbosity"});
}

}  // namespace gradus::service
