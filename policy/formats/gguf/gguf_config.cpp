#include "policy/formats/gguf/gguf_config.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/printable.h"
#include "policy/formats/config_fields.h"
#include "policy/formats/families/family.h"
#include "policy/formats/gguf/gguf_names.h"
#include "policy/formats/gguf/gguf_rope.h"

namespace gradus::policy {
namespace {

using nlohmann::json;

/// Keys of one architecture, with errors that name the file and the key.
class Keys {
 public:
  Keys(const GgufFile& gguf, std::string arch) : gguf_(gguf), arch_(std::move(arch)) {}

  std::string full(std::string_view key) const { return fmt::format("{}.{}", arch_, key); }

  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw FileError(gguf_.path().string(), "bad_config", fmt::format("{}: {}", key, what));
  }

  std::optional<int64_t> whole(std::string_view key) const {
    const GgufValue* value = gguf_.entry(full(key));
    if (value == nullptr) return std::nullopt;
    const auto number = value->whole();
    if (!number) fail(full(key), "is not a whole number");
    return number;
  }

  int64_t required(std::string_view key) const {
    const auto number = whole(key);
    if (!number) fail(full(key), "is missing");
    return *number;
  }

  std::optional<double> real(std::string_view key) const {
    const GgufValue* value = gguf_.entry(full(key));
    if (value == nullptr) return std::nullopt;
    const auto number = value->real();
    if (!number || !std::isfinite(*number)) fail(full(key), "is not a finite number");
    return number;
  }

  double required_real(std::string_view key) const {
    const auto number = real(key);
    if (!number) fail(full(key), "is missing");
    return *number;
  }

  /// Keys of what these families have not: any other value than the one that means nothing.
  void refuse_unless(std::string_view key, double neutral) const {
    const auto number = real(key);
    if (!number || *number == neutral) return;
    fail(full(key), fmt::format("is {}, which is not supported", *number));
  }

  std::string text(std::string_view key, std::string fallback) const {
    const GgufValue* value = gguf_.entry(full(key));
    if (value == nullptr) return fallback;
    if (value->text() == nullptr) fail(full(key), "is not a string");
    return *value->text();
  }

 private:
  const GgufFile& gguf_;
  std::string arch_;
};

void read_sizes(const Keys& keys, json& config) {
  const int64_t heads = keys.required("attention.head_count");
  const int64_t width = keys.required("embedding_length");
  const int64_t head_dim =
      keys.whole("attention.key_length")
          .value_or(keys.whole("rope.dimension_count").value_or(heads > 0 ? width / heads : 0));
  if (keys.whole("attention.value_length").value_or(head_dim) != head_dim) {
    keys.fail(keys.full("attention.value_length"), "differs from attention.key_length");
  }
  if (keys.whole("rope.dimension_count").value_or(head_dim) != head_dim) {
    keys.fail(keys.full("rope.dimension_count"),
              "rotates a part of a head only, which this family "
              "does not do");
  }
  if (keys.whole("expert_count").value_or(0) != 0) {
    keys.fail(keys.full("expert_count"),
              "a mixture of experts of this architecture is not "
              "supported");
  }
  config["hidden_size"] = width;
  config["num_hidden_layers"] = keys.required("block_count");
  config["num_attention_heads"] = heads;
  config["num_key_value_heads"] = keys.whole("attention.head_count_kv").value_or(heads);
  config["head_dim"] = head_dim;
  config["intermediate_size"] = keys.required("feed_forward_length");
  config["max_position_embeddings"] = keys.required("context_length");
  config["rms_norm_eps"] = keys.required_real("attention.layer_norm_rms_epsilon");
  config["rope_theta"] = keys.real("rope.freq_base").value_or(10000.0);
}

json yarn_scaling(const Keys& keys, double factor) {
  json scaling{{"rope_type", "yarn"}, {"factor", factor}};
  if (const auto original = keys.whole("rope.scaling.original_context_length")) {
    scaling["original_max_position_embeddings"] = *original;
  }
  if (const auto fast = keys.real("rope.scaling.yarn_beta_fast")) scaling["beta_fast"] = *fast;
  if (const auto slow = keys.real("rope.scaling.yarn_beta_slow")) scaling["beta_slow"] = *slow;
  // llama.cpp multiplies its factor into the usual one, transformers replaces it.
  if (const auto gain = keys.real("rope.scaling.attn_factor"); gain && *gain != 1.0) {
    scaling["attention_factor"] = *gain * (factor > 1 ? 0.1 * std::log(factor) + 1.0 : 1.0);
  }
  return scaling;
}

json llama3_scaling(const GgufFile& gguf, const Keys& keys, double theta) {
  const TensorInfo& info = *gguf.find(kGgufRopeFreqs);
  constexpr uint64_t kMaxPairs = 1 << 14;
  if (info.num_elements == 0 || info.num_elements > kMaxPairs) {
    keys.fail(std::string(kGgufRopeFreqs), "has no sensible length");
  }
  std::vector<float> divisors(info.num_elements);
  gguf.read_f32(kGgufRopeFreqs, divisors);
  RopeConfig hint;
  hint.theta = theta;
  const auto stated = [&](const char* key, double fallback) {
    const GgufValue* value = gguf.entry(key);
    return value == nullptr ? fallback : value->real().value_or(fallback);
  };
  hint.factor = stated("gradus.rope.factor", 8.0);
  hint.low_freq_factor = stated("gradus.rope.low_freq_factor", 1.0);
  hint.high_freq_factor = stated("gradus.rope.high_freq_factor", 4.0);
  hint.original_max_positions =
      static_cast<int64_t>(stated("gradus.rope.original_context_length", 8192.0));
  const auto rope = fit_llama3(divisors, hint);
  if (!rope) {
    keys.fail(std::string(kGgufRopeFreqs), "no llama3 rope scaling has these frequency factors");
  }
  return {{"rope_type", "llama3"},
          {"factor", rope->factor},
          {"low_freq_factor", rope->low_freq_factor},
          {"high_freq_factor", rope->high_freq_factor},
          {"original_max_position_embeddings", rope->original_max_positions}};
}

/// By what positions are divided: an old key where the new one is not there; 0 means 1.
double scaling_factor(const Keys& keys) {
  const auto stated = keys.real("rope.scaling.factor");
  const double factor = stated ? *stated : keys.real("rope.scale_linear").value_or(0.0);
  return factor == 0.0 ? 1.0 : factor;
}

// As llama.cpp reads them (llama-model.cpp, load_hparams): a factor without a type is linear.
json rope_scaling(const GgufFile& gguf, const Keys& keys, double theta) {
  const std::string type = keys.text("rope.scaling.type", "linear");
  const double factor = type == "none" ? 1.0 : scaling_factor(keys);
  for (const char* key : {"rope.scaling.yarn_ext_factor", "rope.scaling.yarn_attn_factor"}) {
    keys.refuse_unless(key, 1.0);
  }
  if (type != "yarn") keys.refuse_unless("rope.scaling.attn_factor", 1.0);
  if (gguf.find(kGgufRopeFreqs) != nullptr) {
    if (factor == 1.0) return llama3_scaling(gguf, keys, theta);
    keys.fail(keys.full("rope.scaling.factor"),
              fmt::format("is {} beside {}; one of the two is supported", factor, kGgufRopeFreqs));
  }
  if (type == "none") return nullptr;
  if (type == "linear") {
    return factor == 1.0 ? json() : json{{"rope_type", "linear"}, {"factor", factor}};
  }
  if (type == "yarn") return factor == 1.0 ? json() : yarn_scaling(keys, factor);
  keys.fail(keys.full("rope.scaling.type"),
            fmt::format("\"{}\" is not supported; supported are none, linear and yarn",
                        printable(type, 100)));
}

void read_gguf_token_ids(const GgufFile& gguf, json& config) {
  const auto id = [&](const char* key) {
    const GgufValue* value = gguf.entry(key);
    return value == nullptr ? std::nullopt : value->whole();
  };
  if (const auto bos = id("tokenizer.ggml.bos_token_id")) config["bos_token_id"] = *bos;
  const auto eos = id("tokenizer.ggml.eos_token_id");
  const auto eot = id("tokenizer.ggml.eot_token_id");
  if (eos && eot && *eos != *eot) {
    config["eos_token_id"] = {*eos, *eot};
  } else if (eos || eot) {
    config["eos_token_id"] = eos ? *eos : *eot;
  }
  if (const auto pad = id("tokenizer.ggml.padding_token_id")) config["pad_token_id"] = *pad;
}

/// Of most of the weights; quantised ones are float32 once read.
std::string dtype_of(const GgufFile& gguf) {
  std::map<DType, uint64_t> elements;
  for (const TensorInfo& info : gguf.tensors()) elements[info.dtype] += info.num_elements;
  const auto most = std::max_element(elements.begin(), elements.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  if (most == elements.end()) return "float32";
  if (most->first == DType::BF16) return "bfloat16";
  return most->first == DType::F16 ? "float16" : "float32";
}

uint32_t file_type(DType dtype) {
  switch (dtype) {
    case DType::F16:
      return 1;
    case DType::Q8_0:
      return 7;
    case DType::BF16:
      return 32;
    default:
      return 0;
  }
}

GgufValue number32(int64_t value) {
  return GgufValue::u32(static_cast<uint32_t>(value));
}
GgufValue number32(double value) {
  return GgufValue::f32(static_cast<float>(value));
}

double yarn_attention_gain(const RopeConfig& rope) {
  RopeConfig plain = rope;
  plain.attention_factor.reset();
  plain.mscale = 0;
  return rope_frequencies(rope, 2).attention_factor / rope_frequencies(plain, 2).attention_factor;
}

void append_rope(const RopeConfig& rope, const std::string& arch, GgufEntries& entries) {
  const auto add = [&](const char* key, GgufValue value) {
    entries.emplace_back(arch + key, std::move(value));
  };
  if (rope.kind == RopeKind::linear || rope.kind == RopeKind::yarn) {
    add(".rope.scaling.type", GgufValue::string(std::string(rope_kind_name(rope.kind))));
    add(".rope.scaling.factor", number32(rope.factor));
  }
  if (rope.kind == RopeKind::yarn) {
    if (!rope.truncate) {
      throw ArgumentError("GGUF cannot express a yarn rope with truncate false");
    }
    add(".rope.scaling.original_context_length", number32(rope.original_max_positions));
    add(".rope.scaling.yarn_beta_fast", number32(rope.beta_fast));
    add(".rope.scaling.yarn_beta_slow", number32(rope.beta_slow));
    add(".rope.scaling.attn_factor", number32(yarn_attention_gain(rope)));
  }
  // llama.cpp needs only rope_freqs.weight; we want our parameters back.
  if (rope.kind == RopeKind::llama3) {
    entries.emplace_back("gradus.rope.factor", number32(rope.factor));
    entries.emplace_back("gradus.rope.low_freq_factor", number32(rope.low_freq_factor));
    entries.emplace_back("gradus.rope.high_freq_factor", number32(rope.high_freq_factor));
    entries.emplace_back("gradus.rope.original_context_length",
                         number32(rope.original_max_positions));
  }
}

void check_expressible(const ModelConfig& config) {
  if (config.activation != Activation::silu || config.norm_behind || !config.norm_before) {
    throw ArgumentError(config.model_type +
                        " has norms behind its blocks or gates other than silu, which its GGUF "
                        "architecture has not. Write safetensors");
  }
  for (const LayerConfig& layer : config.layers) {
    if (layer.sliding_window == 0 && !layer.has_local_rope) continue;
    throw ArgumentError("llama.cpp has no sliding windows or local rope for " + config.model_type +
                        "; a GGUF file would compute something else. Write safetensors");
  }
}

}  // namespace

json hf_config_from_gguf(const GgufFile& gguf) {
  const GgufValue* arch = gguf.entry("general.architecture");
  const std::string where = gguf.path().string();
  if (arch == nullptr || arch->text() == nullptr) {
    throw FileError(where, "bad_config", "general.architecture is missing");
  }
  const Family& family = family_of_gguf(*arch->text(), where);
  const Keys keys(gguf, *arch->text());
  const std::string table = gguf_tensor_name(TensorRole::embedding);
  const TensorInfo* embedding = gguf.find(table);
  if (embedding == nullptr || embedding->shape.size() != 2) {
    throw FileError(where, "tensor_missing", "has no matrix " + table);
  }
  json config{{"model_type", family.model_type}, {"architectures", {family.architecture}}};
  read_sizes(keys, config);
  config["vocab_size"] = embedding->shape[0];
  config["hidden_act"] = "silu";
  config["tie_word_embeddings"] = gguf.find(gguf_tensor_name(TensorRole::head)) == nullptr;
  config["torch_dtype"] = dtype_of(gguf);
  config["rope_scaling"] = rope_scaling(gguf, keys, config["rope_theta"]);
  read_gguf_token_ids(gguf, config);
  if (family.complete_hf_config != nullptr) family.complete_hf_config(gguf, config);
  return config;
}

GgufEntries gguf_entries_of(const ModelConfig& config, const std::string& name, DType dtype) {
  check_expressible(config);
  const std::string arch(family_of(config).gguf_arch);
  if (arch.empty()) throw ArgumentError(config.model_type + " cannot be written as GGUF");
  GgufEntries entries{
      {"general.architecture", GgufValue::string(arch)},
      {"general.type", GgufValue::string("model")},
      {"general.name", GgufValue::string(name)},
      {arch + ".block_count", number32(config.num_layers)},
      {arch + ".context_length", number32(config.max_position_embeddings)},
      {arch + ".embedding_length", number32(config.hidden_size)},
      {arch + ".feed_forward_length", number32(config.intermediate_size)},
      {arch + ".attention.head_count", number32(config.num_heads)},
      {arch + ".attention.head_count_kv", number32(config.num_kv_heads)},
      {arch + ".attention.key_length", number32(config.head_dim)},
      {arch + ".attention.value_length", number32(config.head_dim)},
      {arch + ".attention.layer_norm_rms_epsilon", number32(config.rms_norm_eps)},
      {arch + ".rope.freq_base", number32(config.rope.theta)},
      {arch + ".rope.dimension_count", number32(config.head_dim)},
      {arch + ".vocab_size", number32(config.vocab_size)},
  };
  append_rope(config.rope, arch, entries);
  entries.emplace_back("general.file_type", GgufValue::u32(file_type(dtype)));
  if (dtype == DType::Q8_0) entries.emplace_back("general.quantization_version", GgufValue::u32(2));
  return entries;
}

}  // namespace gradus::policy
