#pragma once

// Attention of one query row over a paged cache, and the pointwise part of its gradient. Needs
// exp.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

constexpr int kBlock = 16;       // places of a block: the lanes of one vector
constexpr int kAttendHeads = 4;  // query heads that share one pass over keys and values

GRADUS_INLINE float negative_infinity() {
  return -__builtin_inff();
}

GRADUS_INLINE void prefetch_bytes(const void* p, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(static_cast<const char*>(p) + i);
}

/// A pass over the blocks of one KV head for H query heads.
template <class S>
struct AttendPass {
  using E = typename S::Element;
  const AttendArgs& args;
  int64_t first_block, num_blocks;
  const uint32_t* q;  ///< [heads][key_dim / kDepth] units
  float* scores;      ///< [heads][num_blocks * 16]

  GRADUS_INLINE int64_t row() const { return num_blocks * kBlock; }
  GRADUS_INLINE const E* keys(int64_t i) const {
    return reinterpret_cast<const E*>(static_cast<const char*>(args.tiles) +
                                      args.block_table[first_block + i] * args.block_bytes);
  }
  GRADUS_INLINE const E* values(int64_t i) const {
    return keys(i) + int64_t{args.key_dim} * kBlock;
  }
};

/// scores[h][block i ..] = q_h K^T for B blocks.
template <class S, int H, int B>
void score_blocks(const AttendPass<S>& pass, int64_t i) {
  const int64_t steps = pass.args.key_dim / S::kDepth;
  const uint32_t* tiles[B];
  for (int b = 0; b < B; ++b) {
    tiles[b] = reinterpret_cast<const uint32_t*>(pass.keys(i + b));
    if (i + B + b < pass.num_blocks) prefetch_bytes(pass.keys(i + B + b), steps * 64);
  }
  F16 sum[H][B];
#pragma GCC unroll 4
  for (int h = 0; h < H; ++h) {
#pragma GCC unroll 4
    for (int b = 0; b < B; ++b) sum[h][b] = zero16();
  }
  for (int64_t d = 0; d < steps; ++d) {
    typename S::Operand k[B];
#pragma GCC unroll 4
    for (int b = 0; b < B; ++b) k[b] = S::columns(tiles[b] + d * kLanes);
#pragma GCC unroll 4
    for (int h = 0; h < H; ++h) {
      const typename S::Operand q = S::row(pass.q + h * steps + d);
#pragma GCC unroll 4
      for (int b = 0; b < B; ++b) sum[h][b] = S::dot_add(q, k[b], sum[h][b]);
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < H; ++h) {
#pragma GCC unroll 4
    for (int b = 0; b < B; ++b) store(pass.scores + h * pass.row() + (i + b) * kBlock, sum[h][b]);
  }
}

/// Scores to exp(scale * (score - max)); returns their sum. Places outside are zero, whatever the
/// cache held there.
template <class S>
float softmax_scores(const AttendPass<S>& pass, float* scores, float* lse) {
  const AttendArgs& args = pass.args;
  const int64_t base = pass.first_block * kBlock;
  const F16 outside = set16(negative_infinity());
  const F16 scale = set16(args.scale);
  F16 most = outside;
  each_16(pass.row(), [&](int64_t i, int64_t) {
    F16 x = mul(load(scores + i), scale);
    x = keep(x, args.first - base - i, args.place + 1 - base - i, outside);
    store(scores + i, x);
    most = max16(most, x);
  });
  const float largest = largest16(most);
  F16 sum = zero16();
  each_16(pass.row(), [&](int64_t i, int64_t) {
    const F16 p = exp16(sub(load(scores + i), set16(largest)));
    store(scores + i, p);
    sum = add(sum, p);
  });
  const float total = sum16(sum);
  if (lse != nullptr) *lse = largest + static_cast<float>(__builtin_log(total));
  return total;
}

/// out[h][column ..] = sum over places of p V, V vectors of columns of which the last has `lanes`.
template <class S, int H, int V>
void sum_values(const AttendPass<S>& pass, int64_t column, int64_t lanes, const float* totals,
                int first_head) {
  const AttendArgs& args = pass.args;
  F16 sum[H][V];
#pragma GCC unroll 4
  for (int h = 0; h < H; ++h) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[h][v] = zero16();
  }
  for (int64_t i = 0; i < pass.num_blocks; ++i) {
    const int64_t base = (pass.first_block + i) * kBlock;
    const int64_t begin = args.first > base ? args.first - base : 0;
    const int64_t end = args.place + 1 - base < kBlock ? args.place + 1 - base : kBlock;
    const auto* values = pass.values(i) + column;
    if (i + 1 < pass.num_blocks) {
      prefetch_bytes(pass.values(i + 1),
                     int64_t{args.value_dim} * kBlock * int64_t{sizeof(*values)});
    }
    for (int64_t t = begin; t < end; ++t) {
      F16 value[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const auto* p = values + t * args.value_dim + v * kLanes;
        value[v] = V > 1 ? load(p) : load_n(p, lanes);
      }
#pragma GCC unroll 4
      for (int h = 0; h < H; ++h) {
        const F16 p = set16(pass.scores[h * pass.row() + i * kBlock + t]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[h][v] = fma(p, value[v], sum[h][v]);
      }
    }
  }
  with_type(args.out_type, [&](auto* type) {
#pragma GCC unroll 4
    for (int h = 0; h < H; ++h) {
      auto* out = as(args.out, type) + int64_t{first_head + h} * args.value_dim + column;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        store_n(out + v * kLanes, div(sum[h][v], set16(totals[h])), V > 1 ? kLanes : lanes);
      }
    }
  });
}

template <class S, int H>
void attend_heads(const AttendPass<S>& pass, int first_head) {
  const AttendArgs& args = pass.args;
  int64_t i = 0;
  for (; i + kAttendBlocks <= pass.num_blocks; i += kAttendBlocks) {
    score_blocks<S, H, kAttendBlocks>(pass, i);
  }
  for (; i < pass.num_blocks; ++i) score_blocks<S, H, 1>(pass, i);

  float totals[H];
  for (int h = 0; h < H; ++h) {
    float* lse = args.lse == nullptr ? nullptr : args.lse + first_head + h;
    totals[h] = softmax_scores(pass, pass.scores + h * pass.row(), lse);
  }
  constexpr int kWide = kAttendBlocks;
  int64_t column = 0;
  for (; column + kWide * kLanes <= args.value_dim; column += kWide * kLanes) {
    sum_values<S, H, kWide>(pass, column, kLanes, totals, first_head);
  }
  for (; column < args.value_dim; column += kLanes) {
    sum_values<S, H, 1>(pass, column, args.value_dim - column, totals, first_head);
  }
}

template <class S>
void attend_as(const AttendArgs& args) {
  const int64_t steps = args.key_dim / S::kDepth;
  auto* q = static_cast<uint32_t*>(args.scratch);
  AttendPass<S> pass{
      args, args.first / kBlock, args.place / kBlock - args.first / kBlock + 1, q,
      reinterpret_cast<float*>(q + (kAttendHeads * steps + kLanes) / kLanes * kLanes)};
  for (int head = 0; head < args.heads; head += kAttendHeads) {
    const int count = args.heads - head < kAttendHeads ? args.heads - head : kAttendHeads;
    with_type(args.q_type, [&](auto* type) {
      auto* to = reinterpret_cast<typename S::Element*>(q);
      const auto* from = as(args.q, type) + int64_t{head} * args.key_dim;
      each_16(int64_t{count} * args.key_dim,
              [&](int64_t i, int64_t m) { store_n(to + i, load_n(from + i, m), m); });
    });
    if (count == 4) attend_heads<S, 4>(pass, head);
    if (count == 3) attend_heads<S, 3>(pass, head);
    if (count == 2) attend_heads<S, 2>(pass, head);
    if (count == 1) attend_heads<S, 1>(pass, head);
  }
}

void attend(const AttendArgs& args) {
  if (args.kv_type == Type::f32) {
    attend_as<StepF32>(args);
  } else {
    attend_as<StepBf16>(args);
  }
}

void attention_grad(const AttentionGradArgs& args) {
  const F16 scale = set16(args.scale);
  each_16(args.n, [&](int64_t i, int64_t) {
    const F16 shifted = sub(mul(load(args.scores + i), scale), set16(args.lse));
    const F16 p = keep(exp16(shifted), args.begin - i, args.end - i, zero16());
    const F16 ds = mul(mul(p, sub(load(args.grads + i), set16(args.delta))), scale);
    store(args.scores + i, p);
    store(args.grads + i, keep(ds, args.begin - i, args.end - i, zero16()));
  });
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
