// Shapes: T rows, H query heads, G KV heads, R query heads per KV head, L keys.
#include "policy/ops/reference/attention.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <limits>
#include <utility>

namespace gradus::policy {
namespace {

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

/// The attention of one layer's call.
class ReferenceAttention {
 public:
  ReferenceAttention(const AttentionPlan& plan, const TensorKind& as, ThreadTeam& team)
      : plan_(static_cast<const ReferencePlan&>(plan)), as_(as), team_(team) {}

  at::Tensor heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                   const AttentionArgs& args) const {
    if (plan_.cache != nullptr) store(k, v, args);
    std::vector<at::Tensor> parts;
    for (const Span& span : plan_.spans) {
      const auto [keys, values] = plan_.cache != nullptr ? load(span, args)
                                                         : std::pair(k.index_select(0, span.keys),
                                                                     v.index_select(0, span.keys));
      parts.push_back(attend(q.narrow(0, span.begin, span.length), keys, values, args,
                             span.first_place, plan_.first_key));
    }
    return at::cat(parts, 0);
  }

  at::Tensor latents(const at::Tensor& q, const at::Tensor& entries, const AbsorbedWeights& weights,
                     const LatentArgs& args) const {
    const int64_t T = q.size(0);
    // Entries are values without keys in the cache, and keys and values in attention.
    const AttentionArgs cached{args.heads, 1, 0, args.entry_dim(), args.scale, 0, args.layer};
    const AttentionArgs shape{args.heads, 1, args.entry_dim(), args.latent_dim,
                              args.scale, 0, args.layer};
    store(entries.narrow(1, 0, 0), entries, cached);
    const auto w = weights.compute.to(at::kFloat);  // [H, n + v, latent]
    const auto q_HTd =
        q.to(at::kFloat).reshape({T, args.heads, args.query_dim()}).permute({1, 0, 2});
    const auto q_HTl = at::matmul(q_HTd.narrow(2, 0, args.nope_dim), w.narrow(1, 0, args.nope_dim));
    const auto absorbed = at::cat({q_HTl, q_HTd.narrow(2, args.nope_dim, args.rope_dim)}, 2)
                              .permute({1, 0, 2})
                              .reshape({T, -1});
    std::vector<at::Tensor> parts;
    for (const Span& span : plan_.spans) {
      const auto keys = load(span, cached).second.flatten(1);
      parts.push_back(attend(absorbed.narrow(0, span.begin, span.length), keys,
                             keys.narrow(1, 0, args.latent_dim), shape, span.first_place,
                             plan_.first_key));
    }
    const auto latents_HTl = at::cat(parts, 0)
                                 .to(at::kFloat)
                                 .reshape({T, args.heads, args.latent_dim})
                                 .permute({1, 0, 2});
    const auto out_HTv =
        at::matmul(latents_HTl, w.narrow(1, args.nope_dim, args.value_dim).transpose(1, 2));
    return out_HTv.permute({1, 0, 2}).reshape({T, -1}).to(as_.dtype);
  }

 private:
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
        at::arange(first_place, first_place + T, at::TensorOptions().device(as_.device))
            .unsqueeze(1);
    const auto key_1L =
        at::arange(first_key, first_key + L, at::TensorOptions().device(as_.device)).unsqueeze(0);
    auto hidden_TL = key_1L > place_T1;
    if (args.window > 0) hidden_TL = hidden_TL.logical_or(key_1L <= place_T1 - args.window);
    scores_GRTL = scores_GRTL.masked_fill(hidden_TL, -std::numeric_limits<float>::infinity());
    const auto out_GRTv = at::matmul(at::softmax(scores_GRTL, -1), v_G1Lv);
    return out_GRTv.permute({2, 0, 1, 3})
        .reshape({T, int64_t{args.heads} * args.value_dim})
        .to(as_.dtype);
  }

  static kernels::Matrix matrix_of(const at::Tensor& t) {
    return {t.data_ptr(),
            t.scalar_type() == at::kBFloat16 ? kernels::Type::bf16 : kernels::Type::f32, t.size(0),
            t.size(1), t.size(1)};
  }

  void store(const at::Tensor& k, const at::Tensor& v, const AttentionArgs& args) const {
    if (as_.device.is_cpu()) {  // the cache holds the kernels' layout
      return kernels::kv_write(team_, matrix_of(k.contiguous()), matrix_of(v.contiguous()),
                               plan_.slot_list, plan_.cache->layer(args.layer));
    }
    if (args.key_dim > 0) {
      plan_.cache->keys(args.layer)
          .flatten(0, 1)
          .index_copy_(0, plan_.slots, k.reshape({-1, args.kv_heads, args.key_dim}));
    }
    plan_.cache->values(args.layer)
        .flatten(0, 1)
        .index_copy_(0, plan_.slots, v.reshape({-1, args.kv_heads, args.value_dim}));
  }

  std::pair<at::Tensor, at::Tensor> load(const Span& span, const AttentionArgs& args) const {
    if (!as_.device.is_cpu()) {
      return {plan_.cache->keys(args.layer).flatten(0, 1).index_select(0, span.keys),
              plan_.cache->values(args.layer).flatten(0, 1).index_select(0, span.keys)};
    }
    const auto layer = plan_.cache->layer(args.layer);
    const auto options = at::TensorOptions().dtype(as_.dtype);
    auto k = at::empty({span.keys.size(0), int64_t{args.kv_heads} * args.key_dim}, options);
    auto v = at::empty({span.keys.size(0), int64_t{args.kv_heads} * args.value_dim}, options);
    kernels::kv_read(team_, layer,
                     {span.keys.data_ptr<int64_t>(), static_cast<size_t>(span.keys.size(0))},
                     matrix_of(k), matrix_of(v));
    return {k, v};
  }

  const ReferencePlan& plan_;
  TensorKind as_;
  ThreadTeam& team_;
};

}  // namespace

at::Tensor as_longs(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

std::shared_ptr<AttentionPlan> reference_plan(const PackedBatch& batch, at::Device device) {
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
    plan->spans.push_back({s.begin, s.length, before, as_longs(keys, device)});
  }
  return plan;
}

std::shared_ptr<AttentionPlan> reference_plan(const DecodeBatch& batch, KvCache& cache,
                                              at::Device device) {
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
    plan->spans.push_back({static_cast<int64_t>(r), static_cast<int64_t>(end - r), batch.places[r],
                           as_longs(keys, device)});
    r = end;
  }
  plan->slots = as_longs(plan->slot_list, device);
  return plan;
}

at::Tensor reference_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const AttentionArgs& args, const AttentionPlan& plan,
                               const TensorKind& as, ThreadTeam& team) {
  return ReferenceAttention(plan, as, team).heads(q, k, v, args);
}

at::Tensor reference_latent_attention(const at::Tensor& q, const at::Tensor& entries,
                                      const AbsorbedWeights& weights, const LatentArgs& args,
                                      const AttentionPlan& plan, const TensorKind& as,
                                      ThreadTeam& team) {
  return ReferenceAttention(plan, as, team).latents(q, entries, weights, args);
}

}  // namespace gradus::policy
