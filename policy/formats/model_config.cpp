#include "policy/formats/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "policy/formats/checkpoint_source.h"
#include "policy/formats/config_fields.h"
#include "policy/formats/families/family.h"
#include "policy/formats/tensor_names.h"

namespace gradus::policy {
namespace {

constexpr const char* kMtpKey = "num_nextn_predict_layers";
constexpr const char* kMtpAlias = "num_mtp_layers";

DType read_dtype(const ConfigFields& fields) {
  const char* key = fields.has("dtype") ? "dtype" : "torch_dtype";
  std::string name = fields.text_or(key, "float32");
  if (name.starts_with("torch.")) name = name.substr(6);
  if (name == "float32") return DType::F32;
  if (name == "bfloat16") return DType::BF16;
  if (name == "float16") return DType::F16;
  fields.fail(key, fmt::format("\"{}\" is not supported; supported are float32, bfloat16 and "
                               "float16",
                               name));
}

int64_t token_id(const ConfigFields& fields, const char* key, const nlohmann::json& value,
                 int64_t vocab_size) {
  const double id = value.is_number() ? value.get<double>() : -1.0;
  if (id >= 0 && id < static_cast<double>(vocab_size) && value.is_number_integer()) {
    return value.get<int64_t>();
  }
  fields.fail(key, fmt::format("is {}, must be below vocab_size {}", value.dump(), vocab_size));
}

// Either document may have none; the generation config's list replaces the model's.
void read_token_ids(const ConfigFields& fields, ModelConfig& config) {
  if (const auto* bos = fields.value("bos_token_id")) {
    config.bos_token_id = token_id(fields, "bos_token_id", *bos, config.vocab_size);
  }
  const auto* eos = fields.value("eos_token_id");
  if (eos == nullptr) return;
  config.eos_token_ids.clear();
  if (!eos->is_array()) {
    config.eos_token_ids.push_back(token_id(fields, "eos_token_id", *eos, config.vocab_size));
    return;
  }
  for (const auto& id : *eos) {
    config.eos_token_ids.push_back(token_id(fields, "eos_token_id", id, config.vocab_size));
  }
}

/// How many multi-token prediction modules the names of a checkpoint's tensors speak of: up to the
/// last one that is there, so that an incomplete one is reported and not taken for absent.
int64_t modules_in(const CheckpointSource& source, int64_t num_layers) {
  int64_t last = num_layers - 1;
  for (const auto& [name, info] : source.tensors()) {
    if (!name.starts_with(kLayersPrefix)) continue;
    int64_t layer = -1;
    const char* begin = name.data() + kLayersPrefix.size();
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(begin, end, layer);
    if (error == std::errc{} && stop != end && *stop == '.' && layer < kMaxLayers) {
      last = std::max(last, layer);
    }
  }
  return last - num_layers + 1;
}

/// A head beside a config that ties it: the weights are right where the two are not the same
/// (transformers 5: modeling_utils, tie_weights).
bool has_own_head(const CheckpointSource& source, const ModelConfig& config) {
  if (!config.tie_word_embeddings) return false;
  const std::string embedding = tensor_name(config, TensorRole::embedding);
  const std::string head = tensor_name(config, TensorRole::head);
  const auto& tensors = source.tensors();
  if (tensors.count(embedding) == 0 || tensors.count(head) == 0) return false;
  return !source.are_equal(embedding, head);
}

}  // namespace

ModelConfig parse_model_config(const nlohmann::json& config, const std::string& where,
                               const nlohmann::json& generation) {
  const Family& family = family_of_config(config, where);
  const ConfigFields fields(config, where);
  ModelConfig result;
  result.model_type = family.model_type;
  result.architecture = family.architecture;
  result.dtype = read_dtype(fields);
  result.fp8 = read_fp8_format(fields);
  family.read_config(fields, result);
  read_token_ids(fields, result);
  if (!generation.is_null()) {
    const std::string generation_where = where + " (generation_config.json)";
    read_token_ids(ConfigFields(generation, generation_where), result);
  }
  result.raw = config;
  return result;
}

int64_t rope_dim(const ModelConfig& config) {
  const bool is_latent =
      !config.layers.empty() && config.layers.front().attention == AttentionKind::latent;
  return is_latent ? config.latent.rope_dim : config.head_dim;
}

ModelConfig load_model_config(const CheckpointSource& source) {
  nlohmann::json raw = source.config();
  const auto parse = [&] {
    return parse_model_config(raw, source.config_path(), source.generation_config());
  };
  ModelConfig config = parse();
  if (has_own_head(source, config)) {
    raw["tie_word_embeddings"] = false;
    config = parse();
  }
  const int64_t held = modules_in(source, config.num_layers);
  const bool is_silent = !raw.contains(kMtpKey) && !raw.contains(kMtpAlias);
  if (held > config.num_mtp_layers && is_silent && family_of(config).has_mtp) {
    raw[kMtpKey] = held;
    return parse();
  }
  // Most conversions of DeepSeek-V3 drop the modules and keep the number.
  config.num_mtp_layers = std::min(config.num_mtp_layers, held);
  config.layers.resize(static_cast<size_t>(config.num_layers + config.num_mtp_layers));
  return config;
}

}  // namespace gradus::policy
