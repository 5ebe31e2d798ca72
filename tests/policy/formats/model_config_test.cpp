#include "policy/formats/model_config.h"

#include <cmath>

#include "policy/formats/expected_tensors.h"
#include "tests/policy/formats/fixture.h"

using namespace gradus::policy;
using nlohmann::json;

namespace {

json base_config(const std::string& type = "llama") {
  return {{"model_type", type},       {"hidden_size", 64},        {"num_hidden_layers", 2},
          {"num_attention_heads", 4}, {"num_key_value_heads", 2}, {"intermediate_size", 96},
          {"vocab_size", 100},        {"rms_norm_eps", 1e-5},     {"max_position_embeddings", 128},
          {"hidden_act", "silu"},     {"torch_dtype", "bfloat16"}};
}

std::string error_of(const std::string& key, const json& value) {
  json config = base_config();
  config[key] = value;
  return file_error_text([&] { parse_model_config(config, "config.json"); });
}

const std::vector<std::string> kDense{"llama_bias_padded", "llama_gqa_tied_llama3", "qwen2_bias",
                                      "qwen2_sliding", "qwen3_qknorm"};

}  // namespace

TEST_CASE("the fixtures' configs are read and their tensors are those expected",
          "[policy][formats][parity]") {
  for (const std::string& name : kDense) {
    INFO(name);
    const auto source = open_checkpoint(parity(name));
    const ModelConfig config = load_model_config(*source);
    CHECK_NOTHROW(check_tensors(config, *source));
    uint64_t elements = 0;
    for (const auto& [tensor, info] : source->tensors()) elements += info.num_elements;
    CHECK(count_parameters(config).total() == static_cast<int64_t>(elements));
    for (const auto& [tensor, info] : source->tensors()) CHECK_NOTHROW(values_of(*source, tensor));
    CHECK(source->warnings().empty());
  }
}

TEST_CASE("the fixtures' particulars are in their configs", "[policy][formats][parity]") {
  const auto config_of = [](const char* name) {
    return load_model_config(*open_checkpoint(parity(name)));
  };
  const ModelConfig bias = config_of("llama_bias_padded");
  CHECK((bias.attention_qkv_bias && bias.attention_out_bias && bias.mlp_bias));
  CHECK((bias.head_dim == 12 && bias.rope.kind == RopeKind::linear && bias.rope.factor == 2.0));
  const ModelConfig llama3 = config_of("llama_gqa_tied_llama3");
  CHECK((llama3.tie_word_embeddings && llama3.rope.kind == RopeKind::llama3));
  CHECK(llama3.rope.original_max_positions == 64);
  const ModelConfig sliding = config_of("qwen2_sliding");
  CHECK(sliding.layers[0].sliding_window == 0);
  CHECK(sliding.layers[1].sliding_window == 8);
  CHECK((sliding.attention_qkv_bias && !sliding.attention_out_bias));
  CHECK(config_of("qwen2_bias").layers[2].sliding_window == 0);
  const ModelConfig qwen3 = config_of("qwen3_qknorm");
  CHECK((qwen3.qk_norm && qwen3.head_dim == 16 && !qwen3.attention_qkv_bias));
}

TEST_CASE("both dialects of rope and dtype mean the same", "[policy][formats]") {
  json old_config = base_config();
  old_config["rope_theta"] = 5000.0;
  old_config["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  json new_config = base_config();
  new_config.erase("torch_dtype");
  new_config["dtype"] = "bfloat16";
  new_config["rope_parameters"] = {
      {"rope_theta", 5000.0}, {"rope_type", "linear"}, {"factor", 2.0}};
  for (const json& config : {old_config, new_config}) {
    const ModelConfig parsed = parse_model_config(config, "config.json");
    CHECK(parsed.rope.theta == 5000.0);
    CHECK(parsed.rope.kind == RopeKind::linear);
    CHECK(parsed.rope.factor == 2.0);
    CHECK(parsed.dtype == DType::BF16);
  }
}

TEST_CASE("each bad field of config.json is refused by name", "[policy][formats][fault]") {
  const auto names = [](const std::string& text, const char* field) {
    INFO(text);
    return text.find(field) != std::string::npos;
  };
  for (const char* field :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "intermediate_size", "vocab_size", "max_position_embeddings"}) {
    for (const json& bad : {json(0), json(-3), json(1e12), json(1000000000000), json("64"),
                            json(1.5), json::array(), json(true)}) {
      CHECK(names(error_of(field, bad), field));
    }
  }
  CHECK(names(error_of("num_key_value_heads", 3), "num_key_value_heads"));
  CHECK(names(error_of("num_attention_heads", 5), "num_"));
  CHECK(names(error_of("head_dim", 7), "head_dim"));
  CHECK(names(error_of("hidden_act", "gelu"), "hidden_act"));
  CHECK(names(error_of("rms_norm_eps", -1), "rms_norm_eps"));
  CHECK(names(error_of("rope_theta", std::nan("")), "rope_theta"));
  CHECK(names(error_of("rope_theta", 0), "rope_theta"));
  CHECK(names(error_of("rope_scaling", {{"type", "longrope"}, {"factor", 2}}), "longrope"));
  CHECK(names(error_of("rope_scaling", {{"type", "linear"}}), "rope_scaling.factor"));
  CHECK(names(error_of("rope_scaling", {{"rope_type", "linear"}, {"factor", std::nan("")}}),
              "rope_scaling.factor"));
  CHECK(names(error_of("rope_scaling", 3), "rope_scaling"));
  CHECK(names(error_of("torch_dtype", "int3"), "torch_dtype"));
  CHECK(names(error_of("eos_token_id", 100), "eos_token_id"));
  CHECK(names(error_of("eos_token_id", {1, "x"}), "eos_token_id"));
  CHECK(names(error_of("tie_word_embeddings", 1), "tie_word_embeddings"));
  CHECK(names(error_of("quantization_config", {{"quant_method", "gptq"}}), "gptq"));
  const std::string unknown = error_of("model_type", "mamba");
  CHECK((names(unknown, "mamba") && names(unknown, "qwen3") && names(unknown, "llama")));
  CHECK(names(error_of("architectures", {"LlamaForSequenceClassification"}), "Classification"));
  json no_layers = base_config();
  no_layers.erase("num_hidden_layers");
  CHECK(names(file_error_text([&] { parse_model_config(no_layers, "config.json"); }),
              "num_hidden_layers: is missing"));
}

TEST_CASE("layer_types decide which layers slide, over max_window_layers", "[policy][formats]") {
  json config = base_config("qwen3");
  config["use_sliding_window"] = true;
  config["sliding_window"] = 16;
  config["max_window_layers"] = 0;
  config["layer_types"] = {"sliding_attention", "full_attention"};
  const ModelConfig parsed = parse_model_config(config, "config.json");
  CHECK(parsed.layers[0].sliding_window == 16);
  CHECK(parsed.layers[1].sliding_window == 0);
  CHECK(parsed.head_dim == 128);  // Qwen3's default
  config["layer_types"] = {"full_attention"};
  CHECK(file_error_kind([&] { parse_model_config(config, "c"); }) == "bad_config");
}

TEST_CASE("generation_config.json's stop tokens replace the model's", "[policy][formats]") {
  json config = base_config();
  config["eos_token_id"] = 2;
  config["bos_token_id"] = 1;
  CHECK(parse_model_config(config, "c").eos_token_ids == std::vector<int64_t>{2});
  const auto parsed = parse_model_config(config, "c", {{"eos_token_id", {3, 4}}});
  CHECK(parsed.eos_token_ids == std::vector<int64_t>{3, 4});
  CHECK(parsed.bos_token_id == int64_t{1});
}

TEST_CASE("missing, extra and misshaped tensors are all listed", "[policy][formats][fault]") {
  const ModelConfig config = parse_model_config(base_config(), "config.json");
  std::map<std::string, TensorInfo> tensors;
  for (const TensorSpec& spec : expected_tensors(config)) {
    TensorInfo info;
    info.name = spec.name;
    info.shape = spec.shape;
    tensors[spec.name] = info;
  }
  CHECK(compare_tensors(config, tensors).ok());
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {};
  CHECK(compare_tensors(config, tensors).ok());
  tensors.erase("lm_head.weight");
  tensors["model.norm.weight"].shape = {65};
  tensors["score.weight"] = {};
  const TensorReport report = compare_tensors(config, tensors);
  CHECK(report.missing.size() == 1);
  CHECK(report.misshaped.size() == 1);
  CHECK(report.extra.size() == 1);
  CHECK(report.text().find("lm_head.weight [100, 64] (tie_word_embeddings is false)") !=
        std::string::npos);
  tensors.clear();
  const std::string text = compare_tensors(config, tensors).text();
  CHECK(std::count(text.begin(), text.end(), '\n') == 21);
}

TEST_CASE("parameters are counted as published", "[policy][formats]") {
  const json smollm{
      {"model_type", "llama"},    {"hidden_size", 576},          {"num_hidden_layers", 30},
      {"num_attention_heads", 9}, {"num_key_value_heads", 3},    {"intermediate_size", 1536},
      {"vocab_size", 49152},      {"tie_word_embeddings", true}, {"max_position_embeddings", 8192}};
  const ModelConfig config = parse_model_config(smollm, "c");
  CHECK(count_parameters(config).total() == 134'515'008);
  CHECK(count_parameters(config).embedding == 49152 * 576);
  CHECK(kv_bytes_per_token(config, DType::BF16) == 30 * 2 * 3 * 64 * 2);
}
