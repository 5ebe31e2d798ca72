// Plain ATen operations with ATen's own autograd: what the native kernels are compared with, and
// the way on devices other than the CPU.
// Shapes: T rows, D width, H query heads, G KV heads, R query heads per KV head, L keys, V
// vocabulary.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "policy/kernels/rounding.h"
#include "policy/ops/autograd.h"
#include "policy/ops/native/fp8_product.h"
#include "policy/ops/ops.h"
#include "policy/ops/reference/mixture.h"
#include "policy/ops/rounding.h"

namespace gradus::policy {
namespace {

at::Tensor as_longs(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

/// Rows [begin, begin + length) read keys of the rows `keys` at places 0, 1, ...
struct Span {
  int64_t begin = 0;
  int64_t length = 0;
  int64_t first_place = 0;
  at::Tensor keys;  ///< packed: row numbers; paged: slots
};

class ReferencePlan : public AttentionPlan {
 public:
  std::vector<Span> spans;
  KvCache* cache = nullptr;
  at::Tensor slots;  ///< [T] paged: where the rows' keys and values go
  std::vector<int64_t> slot_list;
  int64_t first_key = 0;  ///< places before it are not attended to
};

class ReferenceOps : public Ops {
 public:
  ReferenceOps(at::ScalarType dtype, at::Device device, bool has_fp8_units)
      : dtype_(dtype), device_(device), has_fp8_units_(has_fp8_units) {}

  void publish(Weight& weight, const at::Tensor& value, ThreadTeam& team) const override {
    at::NoGradGuard no_grad;
    if (has_fp8_units_ && weight.has_fp8_products) {
      weight.fp8 = to_fp8(value, kernels::kFp8Tile);
      weight.fp8_transposed = to_fp8(value.t(), kernels::kFp8Tile);
      return;
    }
    weight.compute =
        rounded_value(weight, value.detach(), team).to(weight.is_float32 ? at::kFloat : dtype_);
  }

  at::Tensor embedding(const Weight& table, const std::vector<int64_t>& ids,
                       ThreadTeam&) const override {
    const auto rows = at::embedding(compute(table), as_longs(ids, device_));
    return rows.to(at::kFloat);
  }

  std::vector<at::Tensor> norm_linears(const at::Tensor& x_TD, const Norm& n,
                                       std::span<const Linear* const> linears, bool use_adapters,
                                       ThreadTeam& team) const override {
    const auto normed_TD = norm(x_TD, n, 1, team);
    std::vector<at::Tensor> outputs;
    for (const Linear* linear : linears)
      outputs.push_back(apply(*linear, normed_TD, use_adapters, team));
    return outputs;
  }

  at::Tensor linear_residual(const at::Tensor& x, const Linear& linear,
                             const at::Tensor& residual_TD, bool use_adapters,
                             ThreadTeam& team) const override {
    return residual_TD + apply(linear, x, use_adapters, team).to(at::kFloat);
  }

  at::Tensor swiglu_residual(const at::Tensor& gate_TI, const at::Tensor& up_TI, const Linear& down,
                             const at::Tensor& residual_TD, bool use_adapters,
                             ThreadTeam& team) const override {
    const auto h_TI = at::silu(gate_TI) * up_TI;
    return residual_TD + apply(down, h_TI, use_adapters, team).to(at::kFloat);
  }

  at::Tensor mixture_residual(const at::Tensor& x_TD, const Norm& n, const Mixture& mixture,
                              const at::Tensor& residual_TD, bool use_adapters,
                              const LayerRouting& routing, ThreadTeam& team) const override {
    return reference_mixture(norm(x_TD, n, 1, team), mixture, residual_TD, compute(mixture.router),
                             routing, team, [&](const Linear& linear, const at::Tensor& x) {
                               return apply(linear, x, use_adapters, team);
                             });
  }

  at::Tensor norm(const at::Tensor& x, const Norm& norm, int groups, ThreadTeam&) const override {
    const auto parts = x.to(at::kFloat).reshape({x.size(0), groups, x.size(1) / groups});
    const auto scaled = parts * at::rsqrt(parts.square().mean({-1}, true) + norm.eps);
    return (scaled * norm.weight.value).reshape(x.sizes()).to(dtype_);
  }

  at::Tensor rope(const at::Tensor& x, const std::shared_ptr<const std::vector<int32_t>>& positions,
                  const RopeTable& table, int heads, ThreadTeam&) const override {
    const std::vector<int64_t> places(positions->begin(), positions->end());
    const auto ids = as_longs(places, device_);
    const auto cos = table.cos.index_select(0, ids).unsqueeze(1);  // [T, 1, rope_dim / 2]
    const auto sin = table.sin.index_select(0, ids).unsqueeze(1);
    const int64_t rope_dim = table.cos.size(1) * 2;
    const auto wide = x.to(at::kFloat).reshape({x.size(0), heads, -1});
    const auto kept = wide.narrow(2, 0, wide.size(2) - rope_dim);
    const auto turned = wide.narrow(2, wide.size(2) - rope_dim, rope_dim);
    at::Tensor rotated;
    if (table.interleaved) {
      const auto pairs = turned.reshape({x.size(0), heads, rope_dim / 2, 2});
      const auto a = pairs.select(3, 0);
      const auto b = pairs.select(3, 1);
      rotated = at::stack({a * cos - b * sin, b * cos + a * sin}, 3).reshape(turned.sizes());
    } else {
      const auto a = turned.narrow(2, 0, rope_dim / 2);
      const auto b = turned.narrow(2, rope_dim / 2, rope_dim / 2);
      rotated = at::cat({a * cos - b * sin, b * cos + a * sin}, 2);
    }
    return at::cat({kept, rotated}, 2).reshape(x.sizes()).to(dtype_);
  }

  std::shared_ptr<AttentionPlan> plan(const PackedBatch& batch, const AttentionArgs&,
                                      ThreadTeam&) const override {
    auto plan = std::make_shared<ReferencePlan>();
    for (const Segment& s : batch.segments) {
      std::vector<int64_t> keys;
      int64_t before = 0;
      if (s.prefix >= 0) {
        const Segment& prefix = batch.segments[static_cast<size_t>(s.prefix)];
        before = prefix.length;
        for (int64_t i = 0; i < before; ++i) keys.push_back(prefix.begin + i);
      }
      for (int64_t i = 0; i < s.length; ++i) keys.push_back(s.begin + i);
      plan->spans.push_back({s.begin, s.length, before, as_longs(keys, device_)});
    }
    return plan;
  }

  std::shared_ptr<AttentionPlan> plan(const DecodeBatch& batch, KvCache& cache,
                                      ThreadTeam&) const override {
    auto plan = std::make_shared<ReferencePlan>();
    plan->cache = &cache;
    plan->first_key = batch.first_place;
    const auto slot = [&](size_t sequence, int64_t place) {
      return int64_t{batch.block_tables[sequence][static_cast<size_t>(place / kBlockTokens)]} *
                 kBlockTokens +
             place % kBlockTokens;
    };
    for (size_t r = 0; r < batch.tokens.size();) {
      size_t end = r + 1;
      while (end < batch.tokens.size() && batch.sequences[end] == batch.sequences[r] &&
             batch.places[end] == batch.places[end - 1] + 1) {
        ++end;
      }
      const auto sequence = static_cast<size_t>(batch.sequences[r]);
      std::vector<int64_t> keys;
      for (int64_t place = 0; place <= batch.places[end - 1]; ++place)
        keys.push_back(slot(sequence, place));
      for (size_t i = r; i < end; ++i) plan->slot_list.push_back(slot(sequence, batch.places[i]));
      plan->spans.push_back({static_cast<int64_t>(r), static_cast<int64_t>(end - r),
                             batch.places[r], as_longs(keys, device_)});
      r = end;
    }
    plan->slots = as_longs(plan->slot_list, device_);
    return plan;
  }

  at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const AttentionArgs& args, const std::shared_ptr<AttentionPlan>& plan,
                       ThreadTeam& team) const override {
    const auto& reference = static_cast<const ReferencePlan&>(*plan);
    if (reference.cache != nullptr) store(reference, k, v, args, team);
    std::vector<at::Tensor> parts;
    for (const Span& span : reference.spans) {
      const auto [keys, values] =
          reference.cache != nullptr
              ? load(reference, span, args, team)
              : std::pair(k.index_select(0, span.keys), v.index_select(0, span.keys));
      parts.push_back(attend(q.narrow(0, span.begin, span.length), keys, values, args,
                             span.first_place, reference.first_key));
    }
    return at::cat(parts, 0);
  }

  std::pair<at::Tensor, at::Tensor> latent_keys(const at::Tensor& kv, const at::Tensor& k_rope,
                                                const LatentArgs& args,
                                                ThreadTeam&) const override {
    const int64_t T = kv.size(0);
    const auto heads = kv.reshape({T, args.heads, args.nope_dim + args.value_dim});
    const auto rope = k_rope.unsqueeze(1).expand({T, args.heads, args.rope_dim});
    auto k = at::cat({heads.narrow(2, 0, args.nope_dim), rope}, 2);
    if (args.query_dim() % 2 != 0) k = at::constant_pad_nd(k, {0, 1});
    return {k.reshape({T, -1}), heads.narrow(2, args.nope_dim, args.value_dim).reshape({T, -1})};
  }

  void absorb(AbsorbedWeights& weights, const at::Tensor& kv_b, const LatentArgs& args,
              ThreadTeam&) const override {
    at::NoGradGuard no_grad;
    weights.compute = kv_b.detach()
                          .reshape({args.heads, args.nope_dim + args.value_dim, args.latent_dim})
                          .to(dtype_);
  }

  at::Tensor latent_attention(const at::Tensor& q, const at::Tensor& entries,
                              const AbsorbedWeights& weights, const LatentArgs& args,
                              const std::shared_ptr<AttentionPlan>& plan,
                              ThreadTeam& team) const override {
    const auto& reference = static_cast<const ReferencePlan&>(*plan);
    const int64_t T = q.size(0);
    // Entries are values without keys in the cache, and keys and values in attention.
    const AttentionArgs cached{args.heads, 1, 0, args.entry_dim(), args.scale, 0, args.layer};
    const AttentionArgs shape{args.heads, 1, args.entry_dim(), args.latent_dim,
                              args.scale, 0, args.layer};
    store(reference, entries.narrow(1, 0, 0), entries, cached, team);
    const auto w = weights.compute.to(at::kFloat);  // [H, n + v, latent]
    const auto q_HTd =
        q.to(at::kFloat).reshape({T, args.heads, args.query_dim()}).permute({1, 0, 2});
    const auto q_HTl = at::matmul(q_HTd.narrow(2, 0, args.nope_dim), w.narrow(1, 0, args.nope_dim));
    const auto absorbed = at::cat({q_HTl, q_HTd.narrow(2, args.nope_dim, args.rope_dim)}, 2)
                              .permute({1, 0, 2})
                              .reshape({T, -1});
    std::vector<at::Tensor> parts;
    for (const Span& span : reference.spans) {
      const auto keys = load(reference, span, cached, team).second.flatten(1);
      parts.push_back(attend(absorbed.narrow(0, span.begin, span.length), keys,
                             keys.narrow(1, 0, args.latent_dim), shape, span.first_place,
                             reference.first_key));
    }
    const auto latents_HTl = at::cat(parts, 0)
                                 .to(at::kFloat)
                                 .reshape({T, args.heads, args.latent_dim})
                                 .permute({1, 0, 2});
    const auto out_HTv =
        at::matmul(latents_HTl, w.narrow(1, args.nope_dim, args.value_dim).transpose(1, 2));
    return out_HTv.permute({1, 0, 2}).reshape({T, -1}).to(dtype_);
  }

  at::Tensor logits(const at::Tensor& hidden, const Linear& head, std::span<const int64_t> rows,
                    ThreadTeam&) const override {
    at::NoGradGuard no_grad;
    return head_logits(hidden.detach(), head, rows, false);
  }

  Scores score(const at::Tensor& hidden, const Linear& head, const ScoreList& list,
               double temperature, int chunk_rows, ThreadTeam&, bool train_head) const override {
    std::vector<at::Tensor> logprobs;
    std::vector<at::Tensor> entropies;
    const int64_t count = std::ssize(list.rows);
    for (int64_t begin = 0; begin < count; begin += chunk_rows) {
      const auto n = static_cast<size_t>(std::min<int64_t>(chunk_rows, count - begin));
      const auto rows = std::span(list.rows).subspan(static_cast<size_t>(begin), n);
      const auto targets = std::vector<int64_t>(
          list.targets.begin() + begin, list.targets.begin() + begin + static_cast<int64_t>(n));
      const auto log_p =
          at::log_softmax(head_logits(hidden, head, rows, train_head) / temperature, -1);
      logprobs.push_back(log_p.gather(1, as_longs(targets, device_).unsqueeze(1)).squeeze(1));
      entropies.push_back(-(log_p.exp() * log_p).sum(-1));
    }
    if (logprobs.empty()) return {at::zeros({0}, at::kFloat), at::zeros({0}, at::kFloat)};
    return {at::cat(logprobs), at::cat(entropies)};
  }

 private:
  /// The weight in the compute dtype; with grad mode on, a function of the trained value.
  at::Tensor compute(const Weight& weight) const {
    return at::GradMode::is_enabled() && weight.is_trained()
               ? weight.value.to(weight.is_float32 ? at::kFloat : dtype_)
               : weight.compute;
  }

  at::Tensor apply(const Linear& linear, const at::Tensor& x, bool use_adapters,
                   ThreadTeam& team) const {
    auto y = linear.weight.has_fp8_products ? fp8_linear(linear.weight, x, team)
                                            : at::linear(x, compute(linear.weight));
    if (linear.bias) y = y + linear.bias->value.to(dtype_);
    if (use_adapters && linear.adapter) {
      const auto& adapter = *linear.adapter;
      y = y + at::linear(at::linear(x, compute(adapter.a)) * adapter.scale, compute(adapter.b));
    }
    return y;
  }

  /// x W^T with all three products of forward and backward in FP8.
  at::Tensor fp8_linear(const Weight& weight, const at::Tensor& x, ThreadTeam& team) const {
    const at::Tensor held = x.detach();
    at::Tensor y;
    {
      at::NoGradGuard no_grad;
      y = has_fp8_units_ ? fp8_product(to_fp8(held, 1), weight.fp8).to(dtype_)
                         : at::linear(fp8_rows(held, team), weight.compute);
    }
    if (!is_recorded({x})) return y;
    record({x}, {y}, "fp8_linear", [this, held, &weight, &team](const Gradients& grads) {
      const at::Tensor& dy = grads[0];
      if (weight.is_trained()) weight.grad.add_(weight_gradient(dy, held, team));
      return Gradients{has_fp8_units_ ? fp8_product(to_fp8(dy, 1), weight.fp8_transposed).to(dtype_)
                                      : at::matmul(fp8_rows(dy, team), weight.compute)};
    });
    return y;
  }

  /// dy^T x, float32. Its sum runs over rows, and so do the tiles.
  at::Tensor weight_gradient(const at::Tensor& dy, const at::Tensor& x, ThreadTeam& team) const {
    if (has_fp8_units_) return fp8_product(to_fp8(dy.t(), 1), to_fp8(x.t(), 1));
    return at::matmul(fp8_columns(dy, team).t(), fp8_columns(x, team)).to(at::kFloat);
  }

  at::Tensor head_logits(const at::Tensor& hidden, const Linear& head,
                         std::span<const int64_t> rows, bool train_head) const {
    const auto ids = as_longs(std::vector<int64_t>(rows.begin(), rows.end()), device_);
    const auto rows_RD = hidden.index_select(0, ids);
    auto y = at::linear(rows_RD, train_head ? compute(head.weight) : head.weight.compute);
    if (head.bias) y = y + head.bias->value.to(dtype_);
    return y.to(at::kFloat);
  }

  at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                    const AttentionArgs& args, int64_t first_place, int64_t first_key) const {
    const int64_t T = q.size(0);
    // Unwritten places may hold NaN, which a weight of 0 would not silence: they are left out.
    const int64_t L = k.size(0) - first_key;
    const int64_t repeats = args.heads / args.kv_heads;
    const auto q_GRTd =
        q.to(at::kFloat).reshape({T, args.kv_heads, repeats, args.key_dim}).permute({1, 2, 0, 3});
    const auto k_G1Ld = k.narrow(0, first_key, L)
                            .to(at::kFloat)
                            .reshape({L, args.kv_heads, 1, args.key_dim})
                            .permute({1, 2, 0, 3});
    const auto v_G1Lv = v.narrow(0, first_key, L)
                            .to(at::kFloat)
                            .reshape({L, args.kv_heads, 1, args.value_dim})
                            .permute({1, 2, 0, 3});
    auto scores_GRTL = at::matmul(q_GRTd, k_G1Ld.transpose(-1, -2)) * args.scale;
    const auto place_T1 =
        at::arange(first_place, first_place + T, at::TensorOptions().device(device_)).unsqueeze(1);
    const auto key_1L =
        at::arange(first_key, first_key + L, at::TensorOptions().device(device_)).unsqueeze(0);
    auto hidden_TL = key_1L > place_T1;
    if (args.window > 0) hidden_TL = hidden_TL.logical_or(key_1L <= place_T1 - args.window);
    scores_GRTL = scores_GRTL.masked_fill(hidden_TL, -std::numeric_limits<float>::infinity());
    const auto out_GRTv = at::matmul(at::softmax(scores_GRTL, -1), v_G1Lv);
    return out_GRTv.permute({2, 0, 1, 3})
        .reshape({T, int64_t{args.heads} * args.value_dim})
        .to(dtype_);
  }

  static kernels::Matrix rows_of(const at::Tensor& t) {
    return {t.data_ptr(),
            t.scalar_type() == at::kBFloat16 ? kernels::Type::bf16 : kernels::Type::f32, t.size(0),
            t.size(1), t.size(1)};
  }

  void store(const ReferencePlan& plan, const at::Tensor& k, const at::Tensor& v,
             const AttentionArgs& args, ThreadTeam& team) const {
    if (device_.is_cpu()) {  // the cache holds the kernels' layout
      return kernels::kv_write(team, rows_of(k.contiguous()), rows_of(v.contiguous()),
                               plan.slot_list, plan.cache->layer(args.layer));
    }
    if (args.key_dim > 0) {
      plan.cache->keys(args.layer)
          .flatten(0, 1)
          .index_copy_(0, plan.slots, k.reshape({-1, args.kv_heads, args.key_dim}));
    }
    plan.cache->values(args.layer)
        .flatten(0, 1)
        .index_copy_(0, plan.slots, v.reshape({-1, args.kv_heads, args.value_dim}));
  }

  std::pair<at::Tensor, at::Tensor> load(const ReferencePlan& plan, const Span& span,
                                         const AttentionArgs& args, ThreadTeam& team) const {
    if (!device_.is_cpu()) {
      return {plan.cache->keys(args.layer).flatten(0, 1).index_select(0, span.keys),
              plan.cache->values(args.layer).flatten(0, 1).index_select(0, span.keys)};
    }
    const auto layer = plan.cache->layer(args.layer);
    const auto options = at::TensorOptions().dtype(dtype_);
    auto k = at::empty({span.keys.size(0), int64_t{args.kv_heads} * args.key_dim}, options);
    auto v = at::empty({span.keys.size(0), int64_t{args.kv_heads} * args.value_dim}, options);
    kernels::kv_read(team, layer,
                     {span.keys.data_ptr<int64_t>(), static_cast<size_t>(span.keys.size(0))},
                     rows_of(k), rows_of(v));
    return {k, v};
  }

  at::ScalarType dtype_;
  at::Device device_;
  bool has_fp8_units_;
};

}  // namespace

std::unique_ptr<Ops> make_reference_ops(at::ScalarType compute_dtype, at::Device device,
                                        bool has_fp8_units) {
  return std::make_unique<ReferenceOps>(compute_dtype, device, has_fp8_units);
}

}  // namespace gradus::policy
