#include "rl/recipe/cost_model.h"

#include "base/error.h"
#include "policy/formats/expected_tensors.h"
#include "rl/learn/flops.h"
#include "rl/recipe/model_memory.h"
#include "tests/catch.h"
#include "tests/policy/formats/deepseek_v3_config.h"

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

TEST_CASE("tokens cost two operations per weight and four per key and channel",
          "[rl][cost_model]") {
  auto config = policy::parse_model_config(smollm2(), "config.json");
  const auto active = static_cast<double>(policy::count_parameters(config).multiplied);
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

TEST_CASE("a V3-shaped model costs its active weights and expanded attention", "[rl][cost_model]") {
  const auto config = policy::parse_model_config(policy::deepseek_v3_config(), "config.json");
  const double keys = 61.0 * 2.0 * 128.0 * (192.0 + 128.0);
  // Active without the embedding, less norms and router biases, which nothing is multiplied by.
  const double vectors = 61.0 * (2 * 7168 + 1536 + 512) + 7168.0 + 58.0 * 256.0;
  CHECK(forward_flops(config, 99) ==
        Approx(2.0 * (36'625'618'432.0 - vectors) + 100.0 * keys).epsilon(1e-12));
  RunConfig recipe;
  recipe.model.lora.rank = 4;
  recipe.model.lora.targets = {"o_proj", "gate_proj"};
  const int64_t layer = 7168 + 128 * 128;
  const int64_t sides = 62 * layer + 3 * (7168 + 18432) + 59 * 257 * (7168 + 2048);
  CHECK(estimate_memory(config, recipe).parts.at(1).second == 4 * 4 * sides);
}

TEST_CASE("memory follows from a config, a precision and a number of devices", "[rl][cost_model]") {
  const auto config = policy::parse_model_config(policy::deepseek_v3_config(), "config.json");
  const int64_t parameters = int64_t{671'026'419'200} + 11'610'068'224;
  const auto bf16 = model_memory(config, WeightPrecision::bfloat16, 1);
  CHECK(bf16.weights == 2 * parameters);
  CHECK(bf16.master_weights == 4 * parameters);
  CHECK(bf16.adamw == 8 * parameters);
  CHECK(bf16.adamw_8bit < 3 * parameters);
  CHECK(bf16.cache_per_token == 70'272);
  CHECK(bf16.cache_at_full_context == int64_t{70'272} * 163'840);
  const auto fp8 = model_memory(config, WeightPrecision::fp8, 8);
  CHECK(fp8.gradients == 4 * parameters / 8);
  // One byte and a share of a scale for nearly everything.
  CHECK(static_cast<double>(fp8.weights) * 8 / static_cast<double>(parameters) ==
        Approx(1.0029).epsilon(1e-3));
  const auto float32 = model_memory(config, WeightPrecision::float32, 1);
  CHECK((float32.master_weights == 0 && float32.cache_per_token == 2 * 70'272));
  CHECK_THROWS_AS(model_memory(config, WeightPrecision::fp8, 0), ArgumentError);
}
