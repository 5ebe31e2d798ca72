#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "policy/batch/kv_cache.h"
#include "policy/batch/packed_batch.h"
#include "policy/ops/routing.h"
#include "policy/ops/scores.h"
#include "policy/ops/weights.h"

namespace gradus::policy {

/// Where the rows of one call find their keys: in a packed batch, or in a paged cache. Made once a
/// call, used by every layer.
class AttentionPlan {
 public:
  virtual ~AttentionPlan() = default;
};

struct AttentionArgs {
  int heads = 0;
  int kv_heads = 0;
  int key_dim = 0;
  int value_dim = 0;
  float scale = 1.0F;
  int window = 0;
  int layer = 0;  ///< of the cache
};

/// Latent attention's sizes: what a head's query and key are made of.
struct LatentArgs {
  int heads = 0;
  int latent_dim = 0;  ///< kv_lora_rank
  int nope_dim = 0;
  int rope_dim = 0;
  int value_dim = 0;
  float scale = 1.0F;
  int layer = 0;  ///< of the cache

  int query_dim() const { return nope_dim + rope_dim; }
  int entry_dim() const { return latent_dim + rope_dim; }
};

/// What a gated feed-forward multiplies: act(gate) * up, both [T, I].
struct GatedInner {
  at::Tensor gate_TI;
  at::Tensor up_TI;
  Activation activation = Activation::silu;
};

/// What of the head a call uses.
struct HeadUse {
  bool adapters = true;  ///< false: the head below its adapter
  bool trained = true;   ///< false: it gets no gradient; the hidden states do
};

/// Cos and sin of the rotary angles, [positions, rope_dim / 2] float32, on the policy's device.
struct RopeTable {
  at::Tensor cos;
  at::Tensor sin;
  bool interleaved = false;
};

/// The operations that a decoder is made of, each differentiable where grad mode is on. Gradients
/// of weights are added to Weight::grad by the backward pass itself, so that no second copy of a
/// gradient ever exists.
///
/// Shapes: T rows, D width, H heads. The residual stream is float32 [T, D]; what enters a matrix
/// product is in the compute dtype. Stateless: one object may serve many threads.
class Ops {
 public:
  virtual ~Ops() = default;

  /// Rebuilds a weight's compute form from a float32 or compute-dtype tensor [out, in].
  virtual void publish(Weight& weight, const at::Tensor& value, ThreadTeam& team) const = 0;

  /// Rows of the table, float32 [T, D], rounded to the compute dtype's values.
  virtual at::Tensor embedding(const Weight& table, const std::vector<int64_t>& ids,
                               ThreadTeam& team) const = 0;

  /// One output per linear: linear_i(norm(x)) in the compute dtype. @param norm  null: x as it is.
  virtual std::vector<at::Tensor> norm_linears(const at::Tensor& x_TD, const Norm* norm,
                                               std::span<const Linear* const> linears,
                                               bool use_adapters, ThreadTeam& team) const = 0;

  /// residual + linear(x), float32.
  virtual at::Tensor linear_residual(const at::Tensor& x, const Linear& linear,
                                     const at::Tensor& residual_TD, bool use_adapters,
                                     ThreadTeam& team) const = 0;

  /// residual + linear(act(gate) * up), float32; the product is recomputed in the backward pass.
  virtual at::Tensor gated_residual(const GatedInner& inner, const Linear& down,
                                    const at::Tensor& residual_TD, bool use_adapters,
                                    ThreadTeam& team) const = 0;

  /// residual + norm(y), float32, of y [T, D] float32.
  virtual at::Tensor norm_residual(const at::Tensor& y_TD, const Norm& norm,
                                   const at::Tensor& residual_TD, ThreadTeam& team) const = 0;

  /// residual + sum over the chosen experts e, in ascending order of their numbers, of
  /// w_e down_e(act(gate_e(h)) * up_e(h)), float32, with h = norm(x): the routed part of a mixture
  /// of experts (DeepSeekMoE, arXiv:2401.06066, 3). The router works in float32; rows are gathered
  /// by expert, and each of the three projections is one grouped product.
  /// @param norm  null: h = x.
  virtual at::Tensor mixture_residual(const at::Tensor& x_TD, const Norm* norm,
                                      const Mixture& mixture, const at::Tensor& residual_TD,
                                      bool use_adapters, const LayerRouting& routing,
                                      ThreadTeam& team) const = 0;

  /// norm over each of `groups` equal parts of a row (1: the whole row), in the compute dtype.
  virtual at::Tensor norm(const at::Tensor& x, const Norm& norm, int groups,
                          ThreadTeam& team) const = 0;

  /// Turns the heads of x [T, H * head_dim]; x's memory is reused and must not be read again.
  virtual at::Tensor rope(const at::Tensor& x,
                          const std::shared_ptr<const std::vector<int32_t>>& positions,
                          const RopeTable& table, int heads, ThreadTeam& team) const = 0;

  virtual std::shared_ptr<AttentionPlan> plan(const PackedBatch& batch, const AttentionArgs& shape,
                                              ThreadTeam& team) const = 0;
  virtual std::shared_ptr<AttentionPlan> plan(const DecodeBatch& batch, KvCache& cache,
                                              ThreadTeam& team) const = 0;

  /// Causal attention; a paged plan stores k and v first. [T, H * value_dim] in the compute dtype.
  virtual at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const AttentionArgs& args,
                               const std::shared_ptr<AttentionPlan>& plan,
                               ThreadTeam& team) const = 0;

  /// Keys and values of every head from kv [T, heads * (n + v)], head by head n numbers of the key
  /// and v of the value, and the one turned rope key [T, r]: k [T, heads * key_dim], v [T, heads *
  /// v]. key_dim is n + r, and a zero behind it where that is odd, as the kernels take pairs.
  virtual std::pair<at::Tensor, at::Tensor> latent_keys(const at::Tensor& kv,
                                                        const at::Tensor& k_rope,
                                                        const LatentArgs& args,
                                                        ThreadTeam& team) const = 0;

  /// Makes the absorbed form of kv_b [heads * (n + v), latent] float32.
  virtual void absorb(AbsorbedWeights& weights, const at::Tensor& kv_b, const LatentArgs& args,
                      ThreadTeam& team) const = 0;

  /// Attention over cached entries [T, latent + r] (normed latent, turned rope key), which are
  /// stored first, in the absorbed form; q [T, heads * (n + r)], turned. [T, heads * v] in the
  /// compute dtype. Paged plans only, never recorded.
  virtual at::Tensor latent_attention(const at::Tensor& q, const at::Tensor& entries,
                                      const AbsorbedWeights& weights, const LatentArgs& args,
                                      const std::shared_ptr<AttentionPlan>& plan,
                                      ThreadTeam& team) const = 0;

  /// head(hidden) [rows, V] float32 with the head's adapter, never recorded.
  virtual at::Tensor logits(const at::Tensor& hidden, const Linear& head,
                            std::span<const int64_t> rows, ThreadTeam& team) const = 0;

  /// The same, recorded: the head is trained through it.
  virtual at::Tensor recorded_logits(const at::Tensor& hidden, const Linear& head,
                                     std::span<const int64_t> rows, ThreadTeam& team) const = 0;

  virtual Scores score(const at::Tensor& hidden, const Linear& head, const ScoreList& list,
                       double temperature, int chunk_rows, ThreadTeam& team,
                       HeadUse use = {}) const = 0;
};

std::unique_ptr<Ops> make_native_ops(at::ScalarType compute_dtype);
/// @param has_fp8_units  FP8 products run on the device's own units, not on rounded values
///                       (policy/ops/device/fp8_product.h).
std::unique_ptr<Ops> make_reference_ops(at::ScalarType compute_dtype, at::Device device,
                                        bool has_fp8_units = false);

}  // namespace gradus::policy
