#pragma once

#include <memory>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, 2.1; DeepSeek-V3, arXiv:2412.19437,
/// 2.1.1): keys and values of all heads come from one normed latent per token; positions turn a
/// part of each query, and one key that all heads share.
///
///   q = q_b norm(q_a h)   or q_proj h         [T, H (n + r)], the last r of each head turned
///   c = kv_a h,  latent = norm(c[:kl]),  k_rope = rope(c[kl:])
///   expanded:  k_h = [kv_b latent]_h,k | k_rope,  v_h = [kv_b latent]_h,v
///   absorbed:  q'_h = W_h,k^T q_h,n | q_h,r;  attention over entries latent | k_rope with the
///              latent as value;  out_h = W_h,v o_h
///
/// Packed batches take the expanded form. Through the cache the absorbed form runs on kl + r
/// numbers per token, or, with model.latent_cache = expanded, the expanded form on the keys and
/// values of every head, bit-equal to the packed pass. Both latent norms have eps 1e-6 whatever
/// rms_norm_eps says. With adapters on kv_b the absorbed form is made of W + scale B A, rounded
/// once to the compute dtype, while the expanded form adds scale B (A x) to W x.
std::unique_ptr<AttentionBlock> make_latent_attention(const ModelConfig& config, int layer,
                                                      WeightBuilder& builder);

/// As if every head had a key and a value of its own.
AttentionArgs expanded_latent_args(const ModelConfig& config, int layer);

}  // namespace gradus::policy
