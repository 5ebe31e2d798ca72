#include <cmath>

#include "policy/formats/expected_tensors.h"
#include "policy/formats/model_config.h"
#include "tests/policy/formats/deepseek_v3_config.h"
#include "tests/policy/formats/fixture.h"

using namespace gradus::policy;
using nlohmann::json;

namespace {

const std::vector<std::string> kFixtures{
    "deepseek_v3_base", "deepseek_v3_bf16", "deepseek_v3_mtp", "deepseek_v3_no_qlora",
    "deepseek_v3_yarn", "mixtral",          "qwen3_moe"};

json tiny_deepseek() {
  json config = deepseek_v3_config();
  config.update({{"hidden_size", 32},
                 {"num_hidden_layers", 3},
                 {"num_attention_heads", 4},
                 {"intermediate_size", 48},
                 {"vocab_size", 96},
                 {"first_k_dense_replace", 1},
                 {"kv_lora_rank", 12},
                 {"q_lora_rank", 20},
                 {"qk_nope_head_dim", 10},
                 {"qk_rope_head_dim", 8},
                 {"v_head_dim", 12},
                 {"n_routed_experts", 8},
                 {"n_group", 4},
                 {"topk_group", 2},
                 {"num_experts_per_tok", 3},
                 {"moe_intermediate_size", 16}});
  return config;
}

json tiny_qwen() {
  return {{"model_type", "qwen3_moe"}, {"hidden_size", 32},
          {"num_hidden_layers", 4},    {"num_attention_heads", 4},
          {"num_key_value_heads", 2},  {"head_dim", 12},
          {"intermediate_size", 48},   {"moe_intermediate_size", 16},
          {"num_experts", 8},          {"num_experts_per_tok", 3},
          {"vocab_size", 96}};
}

std::string error_with(json config, const json& changes) {
  config.update(changes);
  return file_error_text([&] { parse_model_config(config, "config.json"); });
}

/// The tensors that a config expects, as a checkpoint would list them.
std::map<std::string, TensorInfo> tensors_of(const ModelConfig& config) {
  std::map<std::string, TensorInfo> tensors;
  for (const TensorSpec& spec : expected_tensors(config)) {
    TensorInfo info;
    info.name = spec.name;
    info.shape = spec.shape;
    CHECK(tensors.emplace(spec.name, info).second);
  }
  return tensors;
}

}  // namespace

TEST_CASE("the fixtures with experts and latents hold the tensors expected of them",
          "[policy][formats][parity]") {
  for (const std::string& name : kFixtures) {
    INFO(name);
    const auto source = open_checkpoint(parity(name));
    const ModelConfig config = load_model_config(*source);
    CHECK_NOTHROW(check_tensors(config, *source));
    int64_t elements = 0;
    for (const TensorSpec& spec : expected_tensors(config)) {
      elements += static_cast<int64_t>(source->info(spec.name).num_elements);
    }
    const ParameterCount count = count_parameters(config);
    CHECK(count.total() + count.mtp == elements);
    CHECK(count.active < count.total());
  }
}

TEST_CASE("the fixtures' particulars of latents and mixtures are in their configs",
          "[policy][formats][parity]") {
  const auto config_of = [](const char* name) {
    return load_model_config(*open_checkpoint(parity(name)));
  };
  const ModelConfig base = config_of("deepseek_v3_base");
  CHECK(base.layers[0].ffn == FfnKind::swiglu);
  CHECK(base.layers[1].ffn == FfnKind::mixture_of_experts);
  CHECK((base.latent.q_rank == 20 && base.latent.kv_rank == 12 && base.latent.value_dim == 12));
  CHECK((base.latent.rope_interleave && rope_dim(base) == 8));
  CHECK((base.moe.num_groups == 4 && base.moe.num_kept_groups == 2 && base.moe.has_choice_bias));
  CHECK((base.moe.normalize && base.moe.scale == 2.5 && base.moe.score == RouterScore::sigmoid));
  const ModelConfig plain = config_of("deepseek_v3_no_qlora");
  CHECK((plain.latent.q_rank == 0 && !plain.latent.rope_interleave));
  CHECK((plain.moe.num_shared_experts == 2 && plain.layers[0].ffn != FfnKind::swiglu));
  const ModelConfig yarn = config_of("deepseek_v3_yarn");
  CHECK((yarn.attention_qkv_bias && yarn.rms_norm_eps == 1e-3));
  const double gain = 0.1 * std::log(40.0) + 1;
  CHECK(yarn.latent.softmax_scale == Approx(gain * gain / std::sqrt(18.0)));
  const ModelConfig mtp = config_of("deepseek_v3_mtp");
  CHECK((mtp.num_mtp_layers == 2 && mtp.layers.size() == 4));
  const ModelConfig mixtral = config_of("mixtral");
  CHECK((mixtral.moe.expert_size == 24 && mixtral.moe.normalize && mixtral.moe.num_experts == 6));
  CHECK((mixtral.moe.score == RouterScore::softmax && !mixtral.moe.has_choice_bias));
  const ModelConfig qwen = config_of("qwen3_moe");
  CHECK((qwen.layers[0].ffn == FfnKind::swiglu && qwen.layers[1].ffn != FfnKind::swiglu));
  CHECK((qwen.qk_norm && qwen.head_dim == 12 && qwen.moe.normalize));
}

TEST_CASE("DeepSeek-V3's parameters are counted as published", "[policy][formats]") {
  const ModelConfig config = parse_model_config(deepseek_v3_config(), "config.json");
  const ParameterCount count = count_parameters(config);
  CHECK(count.total() == 671'026'419'200);
  CHECK(count.active == 37'552'297'472);
  CHECK(count.active_without_embedding() == 36'625'618'432);
  CHECK(count.mtp == 11'610'068'224);
  CHECK(config.latent.softmax_scale == Approx(0.135234).epsilon(1e-5));
  CHECK(rope_frequencies(config.rope, rope_dim(config)).attention_factor == 1.0F);
  CHECK(kv_bytes_per_token(config, DType::BF16) == 70'272);
  CHECK(multi_head_kv_bytes_per_token(config, DType::BF16) == 3'997'696);
  CHECK(expected_tensors(config).size() ==
        3 + 61 * 9 + 3 * 3 + 58 * (2 + 3 * 257) + 9 + 2 + 3 * 257 + 4);
}

TEST_CASE("both dialects of mixtures mean the same", "[policy][formats]") {
  json config = tiny_deepseek();
  config["rope_parameters"] = config["rope_scaling"];
  config["rope_parameters"]["rope_type"] = "yarn";
  config["rope_parameters"]["rope_theta"] = 10000.0;
  for (const char* old : {"rope_scaling", "rope_theta"}) config.erase(old);
  config.update({{"head_dim", 8}, {"qk_head_dim", 18}, {"num_mtp_layers", 1}});
  config["num_local_experts"] = config["n_routed_experts"];
  for (const char* old : {"n_routed_experts", "num_nextn_predict_layers"}) config.erase(old);
  const ModelConfig old_dialect = parse_model_config(tiny_deepseek(), "c");
  const ModelConfig new_dialect = parse_model_config(config, "c");
  CHECK(old_dialect.latent.softmax_scale == new_dialect.latent.softmax_scale);
  CHECK(old_dialect.moe.num_experts == new_dialect.moe.num_experts);
  CHECK(old_dialect.num_mtp_layers == new_dialect.num_mtp_layers);
  // What transformers 5 writes for qwen3_moe.
  json qwen = tiny_qwen();
  qwen.erase("num_experts");
  qwen["num_local_experts"] = 8;
  CHECK(parse_model_config(qwen, "c").moe.num_experts == 8);
}

TEST_CASE("qwen3_moe and mixtral say which layers mix and slide", "[policy][formats]") {
  json config = tiny_qwen();
  config.update({{"decoder_sparse_step", 2}, {"mlp_only_layers", {3}}});
  const ModelConfig sparse = parse_model_config(config, "c");
  CHECK(sparse.layers[0].ffn == FfnKind::swiglu);
  CHECK(sparse.layers[1].ffn == FfnKind::mixture_of_experts);
  CHECK(sparse.layers[3].ffn == FfnKind::swiglu);
  CHECK(sparse.layers[0].sliding_window == 0);
  CHECK_FALSE(sparse.moe.normalize);
  config.update({{"use_sliding_window", true}, {"sliding_window", 8}, {"max_window_layers", 2}});
  for (const auto& layer : parse_model_config(config, "c").layers) {
    CHECK(layer.sliding_window == 8);
  }
  json mixtral{{"model_type", "mixtral"},  {"hidden_size", 32},       {"num_hidden_layers", 1},
               {"num_attention_heads", 4}, {"intermediate_size", 24}, {"num_local_experts", 1},
               {"num_experts_per_tok", 1}, {"sliding_window", 16},    {"vocab_size", 96}};
  const ModelConfig parsed = parse_model_config(mixtral, "c");
  CHECK((parsed.rope.theta == 1e6 && parsed.layers[0].sliding_window == 16));
  CHECK(tensors_of(parsed).count("model.layers.0.block_sparse_moe.experts.0.w2.weight") == 1);
}

TEST_CASE("each bad field of a mixture or a latent is refused by name",
          "[policy][formats][fault]") {
  const auto refused = [](const json& base, const json& changes, const std::string& key) {
    const std::string text = error_with(base, changes);
    INFO(changes.dump() << " -> " << text);
    CHECK(text.find(key) != std::string::npos);
  };
  const json deepseek = tiny_deepseek();
  refused(deepseek, {{"n_group", 3}}, "n_group");
  refused(deepseek, {{"n_group", 0}}, "n_group");
  refused(deepseek, {{"n_group", 8}}, "n_group");
  refused(deepseek, {{"n_group", 16}}, "n_group");
  refused(deepseek, {{"topk_group", 5}}, "topk_group");
  refused(deepseek, {{"topk_group", 0}}, "topk_group");
  refused(deepseek, {{"num_experts_per_tok", 9}}, "num_experts_per_tok");
  refused(deepseek, {{"num_experts_per_tok", 5}}, "num_experts_per_tok");
  refused(deepseek, {{"num_experts_per_tok", 0}}, "num_experts_per_tok");
  refused(deepseek, {{"scoring_func", "tanh"}}, "scoring_func");
  refused(deepseek, {{"topk_method", "greedy"}}, "topk_method");
  refused(deepseek, {{"qk_rope_head_dim", 7}}, "qk_rope_head_dim");
  refused(deepseek, {{"qk_head_dim", 20}}, "qk_head_dim");
  refused(deepseek, {{"first_k_dense_replace", 4}}, "first_k_dense_replace");
  refused(deepseek, {{"routed_scaling_factor", 0}}, "routed_scaling_factor");
  refused(deepseek, {{"norm_topk_prob", "yes"}}, "norm_topk_prob");
  refused(deepseek, {{"num_nextn_predict_layers", -1}}, "num_nextn_predict_layers");
  refused(deepseek, {{"n_routed_experts", 1 << 14}, {"num_hidden_layers", 1 << 14}}, "experts");
  refused(deepseek, {{"num_local_experts", 4}}, "num_local_experts");
  for (const char* key : {"q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim",
                          "v_head_dim", "n_routed_experts", "moe_intermediate_size"}) {
    refused(deepseek, {{key, 0}}, key);
    refused(deepseek, {{key, -4}}, key);
    refused(deepseek, {{key, 1.5}}, key);
    json without = deepseek;
    without.erase(key);
    refused(without, json::object(), key);
  }
  const json qwen = tiny_qwen();
  refused(qwen, {{"num_experts", 0}}, "num_experts");
  refused(qwen, {{"num_experts_per_tok", 9}}, "num_experts_per_tok");
  refused(qwen, {{"mlp_only_layers", {4}}}, "mlp_only_layers");
  refused(qwen, {{"mlp_only_layers", {-1}}}, "mlp_only_layers");
  refused(qwen, {{"mlp_only_layers", "0"}}, "mlp_only_layers");
  refused(qwen, {{"decoder_sparse_step", 0}}, "decoder_sparse_step");
  refused(qwen, {{"moe_intermediate_size", nullptr}}, "moe_intermediate_size");
}

TEST_CASE("prediction modules bring copies of the ends, which need not be there",
          "[policy][formats]") {
  const ModelConfig config = parse_model_config(tiny_deepseek(), "config.json");
  auto tensors = tensors_of(config);
  CHECK(tensors.count("model.layers.3.eh_proj.weight") == 1);
  CHECK(compare_tensors(config, tensors).ok());
  tensors["model.layers.3.embed_tokens.weight"].shape = {96, 32};
  CHECK(compare_tensors(config, tensors).ok());
  tensors["model.layers.3.shared_head.head.weight"].shape = {95, 32};
  CHECK(compare_tensors(config, tensors).misshaped.size() == 1);
}

TEST_CASE("sizes that overflow are refused, not wrapped", "[policy][formats][fault]") {
  json config = tiny_deepseek();
  config.update({{"hidden_size", 1 << 24},
                 {"intermediate_size", 1 << 24},
                 {"num_hidden_layers", 16384},
                 {"first_k_dense_replace", 16384}});
  const ModelConfig parsed = parse_model_config(config, "config.json");
  CHECK(file_error_kind([&] { count_parameters(parsed); }) == "bad_config");
}
