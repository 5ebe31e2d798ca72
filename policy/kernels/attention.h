#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// Tokens per block of the paged KV cache.
inline constexpr int kBlockTokens = 16;

/// How one layer's keys and values lie in a block of 16 tokens: per KV head a key tile
/// (16 keys side by side, so that one query meets 16 keys at once; pairs of dimensions for bf16)
/// followed by a value tile [16, value_dim].
struct KvLayout {
  int kv_heads = 0;
  int key_dim = 0;  ///< even
  int value_dim = 0;
  Type type = Type::f32;

  int64_t block_bytes() const {
    return int64_t{kv_heads} * (key_dim + value_dim) * kBlockTokens * bytes_of(type);
  }
};

/// One layer of a paged cache. `data` is 64-byte aligned; blocks lie `block_bytes()` apart.
struct KvLayer {
  std::byte* data = nullptr;
  int64_t num_blocks = 0;
  KvLayout layout;
};

/// Stores row r's keys and values at slot slots[r] = block * 16 + place in the block.
/// @param k  [R, kv_heads * key_dim], after RoPE.   @param v  [R, kv_heads * value_dim].
void kv_write(ThreadTeam& team, ConstMatrix k, ConstMatrix v, std::span<const int64_t> slots,
              const KvLayer& layer);

/// Reads slots back into rows (for tests and for copying between devices).
void kv_read(ThreadTeam& team, const KvLayer& layer, std::span<const int64_t> slots, Matrix k,
             Matrix v);

/// One query row: it attends to the keys at places max(first, place - window + 1) .. place of the
/// sequence whose blocks are `block_table`.
struct AttentionRow {
  const int32_t* block_table = nullptr;
  int32_t place = 0;
  int32_t first = 0;
};

struct AttentionShape {
  int heads = 0;  ///< query heads; head i reads KV head i / (heads / kv_heads)
  float scale = 1.0F;
  int window = 0;  ///< 0: no window
};

/// softmax(q K^T * scale) V for every row, softmax in float32.
///
/// A row's bits depend on its query and on the keys and values before it, not on the batch, the
/// block numbers, or the team: prefill, decode and training give the same result. Over a bf16 cache
/// the query is rounded to bf16; probabilities and sums are float32. Places that hold no key yet
/// may hold anything.
///
/// @param q    [R, heads * key_dim].
/// @param out  [R, heads * value_dim].
/// @param lse  [R * heads] log of the sum of exp(scores), for the backward pass; may be null.
void paged_attention(ThreadTeam& team, ConstMatrix q, const KvLayer& layer,
                     std::span<const AttentionRow> rows, const AttentionShape& shape, Matrix out,
                     float* lse);

/// Rows [begin, begin + length) of a packed batch that form a sequence after `prefix` rows
/// [prefix_begin, prefix_begin + prefix_length), which several segments may share (the prompt of
/// a group). A segment without prefix has prefix_length 0; a prefix has no prefix itself and is
/// a segment of the same list.
struct AttentionSegment {
  int64_t begin = 0;
  int64_t length = 0;
  int64_t prefix_begin = 0;
  int64_t prefix_length = 0;
};

struct AttentionTensors {
  ConstMatrix q;               ///< [T, heads * key_dim]
  ConstMatrix k;               ///< [T, kv_heads * key_dim]
  ConstMatrix v;               ///< [T, kv_heads * value_dim]
  ConstMatrix out;             ///< [T, heads * value_dim]
  const float* lse = nullptr;  ///< [T * heads]
};

/// Gradients of causal attention over packed segments.
///
/// Keys of a shared prefix gather the gradients of all segments that read them, in the order of
/// the list, head by head; the bits do not depend on the team's size. Products are float32. Rows of
/// no segment get zero.
///
/// @throws gradus::ArgumentError  shapes that differ, a segment outside of the rows, or a prefix
/// that
///                                is not the beginning of a segment without prefix.
/// @param dout  [T, heads * value_dim].
/// @param dq, dk, dv  shapes of q, k, v; overwritten.
void attention_backward(ThreadTeam& team, const AttentionTensors& tensors, ConstMatrix dout,
                        std::span<const AttentionSegment> segments, int kv_heads,
                        const AttentionShape& shape, Matrix dq, Matrix dk, Matrix dv);

}  // namespace gradus::policy::kernels
