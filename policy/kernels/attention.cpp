#include "policy/kernels/attention.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/product_count.h"
#include "policy/kernels/scratch.h"

namespace gradus::policy::kernels {
namespace {

// Consecutive rows of one task: in training they read the same keys, which stay in cache.
constexpr int64_t kTaskRows = 8;

const std::byte* row_of(ConstMatrix m, int64_t row) {
  return static_cast<const std::byte*>(m.data) + row * m.stride * bytes_of(m.type);
}
std::byte* row_of(Matrix m, int64_t row) {
  return static_cast<std::byte*>(m.data) + row * m.stride * bytes_of(m.type);
}

/// Where one head of one slot lies: key pairs (or single values) 16 keys apart, then the value row.
struct SlotView {
  std::byte* key;
  std::byte* value;
};
SlotView slot_view(const KvLayer& layer, int64_t slot, int head) {
  const KvLayout& at = layer.layout;
  const int64_t bytes = bytes_of(at.type);
  const int64_t place = slot % kBlockTokens;
  std::byte* tile = layer.data + slot / kBlockTokens * at.block_bytes() +
                    int64_t{head} * (at.key_dim + at.value_dim) * kBlockTokens * bytes;
  return {tile + place * 4,
          tile + (int64_t{at.key_dim} * kBlockTokens + place * at.value_dim) * bytes};
}

/// First place that a row attends to.
int64_t first_seen(const AttentionRow& row, const AttentionShape& shape) {
  const int64_t seen = shape.window > 0 ? row.place - shape.window + 1 : 0;
  return std::max<int64_t>(row.first, seen);
}

void check_rows(const char* what, ConstMatrix m, int64_t rows, int64_t cols) {
  if (m.rows == rows && m.cols == cols) return;
  throw ArgumentError(std::string(what) + " is [" + std::to_string(m.rows) + ", " +
                      std::to_string(m.cols) + "], must be [" + std::to_string(rows) + ", " +
                      std::to_string(cols) + "]");
}

void check_slots(const char* what, const KvLayer& layer, std::span<const int64_t> slots,
                 ConstMatrix k, ConstMatrix v) {
  const KvLayout& at = layer.layout;
  const auto rows = static_cast<int64_t>(slots.size());
  if (at.key_dim % 2 != 0) throw ArgumentError(std::string(what) + ": key_dim must be even");
  check_rows((std::string(what) + ": k").c_str(), k, rows, int64_t{at.kv_heads} * at.key_dim);
  check_rows((std::string(what) + ": v").c_str(), v, rows, int64_t{at.kv_heads} * at.value_dim);
  for (int64_t slot : slots) {
    if (slot >= 0 && slot < layer.num_blocks * kBlockTokens) continue;
    throw ArgumentError(std::string(what) + ": slot " + std::to_string(slot) +
                        " is outside of a cache of " + std::to_string(layer.num_blocks) +
                        " blocks");
  }
}

}  // namespace

int64_t attend_scratch_bytes(int64_t places, int key_dim) {
  constexpr int64_t kHeads = 4;  // heads that share a pass
  return kHeads * (key_dim + places + 3 * kBlockTokens) * 4;
}

void kv_write(ThreadTeam& team, ConstMatrix k, ConstMatrix v, std::span<const int64_t> slots,
              const KvLayer& layer) {
  check_slots("kv_write", layer, slots, k, v);
  const KvLayout& at = layer.layout;
  const int64_t bytes = bytes_of(at.type);
  team.for_range(static_cast<int64_t>(slots.size()), 16, [&](int64_t begin, int64_t end) {
    thread_local Scratch scratch;
    auto* units = scratch.get<uint32_t>(static_cast<size_t>(at.key_dim));
    const int64_t num_units = at.key_dim * bytes / 4;
    for (int64_t r = begin; r < end; ++r) {
      for (int head = 0; head < at.kv_heads; ++head) {
        const SlotView slot = slot_view(layer, slots[r], head);
        const auto* key = row_of(k, r) + int64_t{head} * at.key_dim * bytes_of(k.type);
        kernels().convert(key, k.type, units, at.type, at.key_dim);
        for (int64_t u = 0; u < num_units; ++u) {
          std::memcpy(slot.key + u * kBlockTokens * 4, units + u, 4);
        }
        const auto* value = row_of(v, r) + int64_t{head} * at.value_dim * bytes_of(v.type);
        kernels().convert(value, v.type, slot.value, at.type, at.value_dim);
      }
    }
  });
}

void kv_read(ThreadTeam& team, const KvLayer& layer, std::span<const int64_t> slots, Matrix k,
             Matrix v) {
  check_slots("kv_read", layer, slots, k, v);
  const KvLayout& at = layer.layout;
  team.for_range(static_cast<int64_t>(slots.size()), 16, [&](int64_t begin, int64_t end) {
    thread_local Scratch scratch;
    auto* units = scratch.get<uint32_t>(static_cast<size_t>(at.key_dim));
    const int64_t num_units = at.key_dim * bytes_of(at.type) / 4;
    for (int64_t r = begin; r < end; ++r) {
      for (int head = 0; head < at.kv_heads; ++head) {
        const SlotView slot = slot_view(layer, slots[r], head);
        for (int64_t u = 0; u < num_units; ++u) {
          std::memcpy(units + u, slot.key + u * kBlockTokens * 4, 4);
        }
        auto* key = row_of(k, r) + int64_t{head} * at.key_dim * bytes_of(k.type);
        kernels().convert(units, at.type, key, k.type, at.key_dim);
        auto* value = row_of(v, r) + int64_t{head} * at.value_dim * bytes_of(v.type);
        kernels().convert(slot.value, at.type, value, v.type, at.value_dim);
      }
    }
  });
}

void paged_attention(ThreadTeam& team, ConstMatrix q, const KvLayer& layer,
                     std::span<const AttentionRow> rows, const AttentionShape& shape, Matrix out,
                     float* lse) {
  const KvLayout& at = layer.layout;
  const auto num_rows = static_cast<int64_t>(rows.size());
  if (at.kv_heads < 1 || shape.heads % at.kv_heads != 0) {
    throw ArgumentError("paged_attention: " + std::to_string(shape.heads) + " heads do not share " +
                        std::to_string(at.kv_heads) + " KV heads evenly");
  }
  check_rows("paged_attention: q", q, num_rows, int64_t{shape.heads} * at.key_dim);
  check_rows("paged_attention: out", out, num_rows, int64_t{shape.heads} * at.value_dim);
  if (num_rows == 0) return;
  int64_t keys = 0;
  for (const AttentionRow& row : rows) keys += row.place + 1 - first_seen(row, shape);
  count_products(keys * shape.heads * (at.key_dim + at.value_dim));

  const int group = shape.heads / at.kv_heads;
  const int64_t task_rows =
      std::clamp<int64_t>(num_rows * at.kv_heads / (8 * int64_t{team.size()}), 1, kTaskRows);
  const int64_t chunks = (num_rows + task_rows - 1) / task_rows;
  const auto attend = [&](int64_t r, int head) {
    const int64_t first = first_seen(rows[r], shape);
    thread_local Scratch scratch;
    AttendArgs args{};
    args.q = row_of(q, r) + int64_t{head} * group * at.key_dim * bytes_of(q.type);
    args.q_type = q.type;
    args.tiles = slot_view(layer, 0, head).key;
    args.kv_type = at.type;
    args.block_bytes = at.block_bytes();
    args.block_table = rows[r].block_table;
    args.first = first;
    args.place = rows[r].place;
    args.heads = group;
    args.key_dim = at.key_dim;
    args.value_dim = at.value_dim;
    args.scale = shape.scale;
    // Grown in powers of two, as a sequence would ask for a little more at every token.
    const int64_t bytes = attend_scratch_bytes(rows[r].place - first + 1, at.key_dim);
    args.scratch = scratch.get<std::byte>(std::bit_ceil(static_cast<size_t>(bytes)));
    args.out = row_of(out, r) + int64_t{head} * group * at.value_dim * bytes_of(out.type);
    args.out_type = out.type;
    args.lse = lse == nullptr ? nullptr : lse + r * shape.heads + int64_t{head} * group;
    kernels().attend(args);
  };
  team.run(chunks * at.kv_heads, [&](ThreadTeam::Tasks& tasks) {
    for (int64_t task; tasks.next(task);) {
      const auto head = static_cast<int>(task / chunks);
      const int64_t begin = task % chunks * task_rows;
      const int64_t end = std::min(num_rows, begin + task_rows);
      for (int64_t r = begin; r < end; ++r) attend(r, head);
    }
  });
}

}  // namespace gradus::policy::kernels
