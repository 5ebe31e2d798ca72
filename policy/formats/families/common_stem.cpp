#include "base/error.h"
#include "policy/formats/families/family.h"

namespace gradus::policy {

std::string_view common_stem(TensorRole role) {
  switch (role) {
    case TensorRole::attention_norm:
      return "input_layernorm";
    case TensorRole::query:
      return "self_attn.q_proj";
    case TensorRole::key:
      return "self_attn.k_proj";
    case TensorRole::value:
      return "self_attn.v_proj";
    case TensorRole::query_norm:
      return "self_attn.q_norm";
    case TensorRole::key_norm:
      return "self_attn.k_norm";
    case TensorRole::query_down:
      return "self_attn.q_a_proj";
    case TensorRole::query_latent_norm:
      return "self_attn.q_a_layernorm";
    case TensorRole::query_up:
      return "self_attn.q_b_proj";
    case TensorRole::kv_down:
      return "self_attn.kv_a_proj_with_mqa";
    case TensorRole::kv_latent_norm:
      return "self_attn.kv_a_layernorm";
    case TensorRole::kv_up:
      return "self_attn.kv_b_proj";
    case TensorRole::attention_output:
      return "self_attn.o_proj";
    case TensorRole::attention_post_norm:
      return "post_self_attn_layernorm";
    case TensorRole::ffn_norm:
      return "post_attention_layernorm";
    case TensorRole::ffn_post_norm:
      return "post_mlp_layernorm";
    case TensorRole::gate:
      return "mlp.gate_proj";
    case TensorRole::up:
      return "mlp.up_proj";
    case TensorRole::down:
      return "mlp.down_proj";
    case TensorRole::router:
      return "mlp.gate";
    case TensorRole::router_bias:
      return "mlp.gate.e_score_correction_bias";
    case TensorRole::expert_gate:
      return "mlp.experts.{}.gate_proj";
    case TensorRole::expert_up:
      return "mlp.experts.{}.up_proj";
    case TensorRole::expert_down:
      return "mlp.experts.{}.down_proj";
    case TensorRole::shared_gate:
      return "mlp.shared_experts.gate_proj";
    case TensorRole::shared_up:
      return "mlp.shared_experts.up_proj";
    case TensorRole::shared_down:
      return "mlp.shared_experts.down_proj";
    case TensorRole::mtp_embedding_norm:
      return "enorm";
    case TensorRole::mtp_hidden_norm:
      return "hnorm";
    case TensorRole::mtp_projection:
      return "eh_proj";
    case TensorRole::mtp_final_norm:
      return "shared_head.norm";
    case TensorRole::embedding:
      return "model.embed_tokens";
    case TensorRole::final_norm:
      return "model.norm";
    case TensorRole::head:
      return "lm_head";
  }
  throw ArgumentError("a tensor role without a name");
}

}  // namespace gradus::policy
