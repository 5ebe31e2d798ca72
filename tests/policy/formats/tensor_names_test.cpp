#include "policy/formats/tensor_names.h"

#include <set>
#include <string>

#include "policy/formats/adapter_targets.h"
#include "policy/formats/families/family.h"
#include "tests/catch.h"

namespace gradus::policy {

TEST_CASE("adapters stand beside the linear layers of every family", "[formats]") {
  CHECK(adapter_targets() == std::vector<std::string>{"q_proj", "k_proj", "v_proj", "o_proj",
                                                      "q_a_proj", "q_b_proj", "kv_a_proj_with_mqa",
                                                      "kv_b_proj", "gate_proj", "up_proj",
                                                      "down_proj", "w1", "w2", "w3"});
  CHECK(adapter_target("model.layers.0.self_attn.q_proj") == "q_proj");
  CHECK(adapter_target("lm_head") == "lm_head");
}

TEST_CASE("names outside the layers are the family's", "[formats]") {
  ModelConfig config;
  config.model_type = "llama";
  CHECK(tensor_name(config, TensorRole::embedding) == "model.embed_tokens.weight");
  CHECK(tensor_name(config, TensorRole::final_norm) == "model.norm.weight");
  CHECK(tensor_name(config, TensorRole::head) == "lm_head.weight");
  CHECK(layer_prefix(12) == "model.layers.12.");
}

TEST_CASE("each family is listed once", "[formats]") {
  std::set<std::string_view> types;
  for (const Family* family : families()) CHECK(types.insert(family->model_type).second);
  CHECK(types.size() >= 6);
}

}  // namespace gradus::policy
