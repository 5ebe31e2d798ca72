#include "policy/formats/model_config.h"

#include <fmt/format.h>

#include "policy/formats/checkpoint_source.h"
#include "policy/formats/config_fields.h"
#include "policy/formats/families/family.h"

namespace gradus::policy {
namespace {

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

void refuse_quantised(const ConfigFields& fields) {
  if (!fields.has("quantization_config")) return;
  const std::string method =
      fields.object("quantization_config").text_or("quant_method", "unknown");
  fields.fail("quantization_config", fmt::format("quant_method \"{}\" is not supported for this "
                                                 "family; use the unquantised checkpoint",
                                                 method));
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

}  // namespace

ModelConfig parse_model_config(const nlohmann::json& config, const std::string& where,
                               const nlohmann::json& generation) {
  const Family& family = family_of_config(config, where);
  const ConfigFields fields(config, where);
  refuse_quantised(fields);
  ModelConfig result;
  result.model_type = family.model_type;
  result.architecture = family.architecture;
  result.dtype = read_dtype(fields);
  family.read_config(fields, result);
  read_token_ids(fields, result);
  if (!generation.is_null()) {
    const std::string generation_where = where + " (generation_config.json)";
    read_token_ids(ConfigFields(generation, generation_where), result);
  }
  result.raw = config;
  return result;
}

ModelConfig load_model_config(const CheckpointSource& source) {
  return parse_model_config(source.config(), source.config_path(), source.generation_config());
}

}  // namespace gradus::policy
