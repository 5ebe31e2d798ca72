#include "rl/cost_model.h"

#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

nlohmann::json smollm2() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", 576},
          {"intermediate_size", 1536},
          {"num_hidden_layers", 30},
          {"num_attention_heads", 9},
          {"num_key_value_heads", 3},
          {"vocab_size", 49152},
          {"max_position_embeddings", 8192},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 100000.0},
          {"hidden_act", "silu"},
          {"tie_word_embeddings", true},
          {"torch_dtype", "bfloat16"}};
}

}  // namespace

TEST_CASE("SmolLM2-135M has 134,515,008 parameters", "[rl][cost_model]") {
  CHECK(count_parameters(policy::parse_model_config(smollm2(), "config.json")).total() ==
        134515008);
}

TEST_CASE("tokens cost two operations per weight and four per key and channel",
          "[rl][cost_model]") {
  auto config = policy::parse_model_config(smollm2(), "config.json");
  const auto active = static_cast<double>(count_parameters(config).active);
  CHECK(forward_flops(config, 9) == 2.0 * active + 30.0 * 4.0 * 576.0 * 10.0);
  CHECK(forward_flops(config, 0, 100) == Approx(200.0 * active + 30.0 * 4.0 * 576.0 * 5050.0));
  CHECK(training_flops(config, 100, false) == Approx(3.0 * forward_flops(config, 0, 100)));
  double sum = 0.0;
  for (auto& layer : config.layers) layer.sliding_window = 8;
  for (int64_t i = 3; i < 23; ++i) sum += forward_flops(config, i);
  CHECK(forward_flops(config, 3, 20) == Approx(sum));
}

TEST_CASE("adapters need moments for themselves alone", "[rl][cost_model]") {
  const auto config = policy::parse_model_config(smollm2(), "config.json");
  RunConfig recipe;
  const auto moments = [&] { return estimate_memory(config, recipe).parts.at(2).second; };
  CHECK(moments() == 2 * 4 * int64_t{134515008});
  recipe.model.lora.rank = 8;
  // Per layer: q and o 576 + 576, k and v 576 + 192, three of 576 + 1536.
  CHECK(moments() == 2 * 4 * int64_t{8 * 30 * (2 * 1152 + 2 * 768 + 3 * 2112)});
}
