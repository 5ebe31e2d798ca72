#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "policy/kernels/attention.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matrix_rows.h"
#include "policy/kernels/product_count.h"
#include "policy/kernels/scratch.h"

namespace gradus::policy::kernels {
namespace {

// Queries and keys that meet at once: their scores, and the keys' gradients, stay in cache.
constexpr int64_t kQueryRows = 32;
constexpr int64_t kKeyRows = 256;

/// A segment and those that continue it: gradients of its keys come from all of them.
struct Tree {
  int64_t root = 0;
  std::vector<int64_t> members;  ///< indices in the list, in its order; the root among them
  double work = 0;
};

std::vector<Tree> trees_of(std::span<const AttentionSegment> segments, int64_t num_rows) {
  std::vector<Tree> trees;
  std::vector<std::pair<int64_t, int64_t>> roots;  // (begin, tree)
  for (int64_t i = 0; i < std::ssize(segments); ++i) {
    const AttentionSegment& s = segments[i];
    if (s.begin < 0 || s.length < 0 || s.begin + s.length > num_rows) {
      throw ArgumentError("attention_backward: segment " + std::to_string(i) + " leaves the " +
                          std::to_string(num_rows) + " rows");
    }
    if (s.prefix_length > 0 || s.length == 0) continue;
    roots.emplace_back(s.begin, std::ssize(trees));
    trees.push_back({i, {}, 0});
  }
  std::sort(roots.begin(), roots.end());
  for (int64_t i = 0; i < std::ssize(segments); ++i) {
    const AttentionSegment& s = segments[i];
    if (s.length == 0) continue;
    const int64_t begin = s.prefix_length > 0 ? s.prefix_begin : s.begin;
    const auto found = std::lower_bound(roots.begin(), roots.end(), std::pair{begin, int64_t{0}});
    if (found == roots.end() || found->first != begin ||
        segments[trees[found->second].root].length < s.prefix_length) {
      throw ArgumentError("attention_backward: the prefix of segment " + std::to_string(i) +
                          " is not a segment of the list");
    }
    Tree& tree = trees[found->second];
    tree.members.push_back(i);
    tree.work += static_cast<double>(s.length) *
                 (static_cast<double>(s.prefix_length) + static_cast<double>(s.length) / 2);
  }
  return trees;
}

/// Keys and values of one segment and KV head in float32, as rows and as columns, and the sums of
/// their gradients.
struct KeyRows {
  int64_t length = 0;
  int64_t stride = 0;  ///< of the columns: padded length
  std::vector<float> k, v, k_columns, v_columns, dk, dv;
};

/// Gradients of keys and values in float32, one sum per head or one per group of heads: query heads
/// of a group may then be worked on apart, and their sums are added in the order of the heads
/// either way.
struct KeySums {
  int64_t rows = 0, kv_heads = 0, slots = 1, key_dim = 0, value_dim = 0;
  std::unique_ptr<float[]> dk, dv;

  KeySums(int64_t num_rows, int64_t num_kv_heads, int64_t num_slots, int64_t k_dim, int64_t v_dim)
      : rows(num_rows),
        kv_heads(num_kv_heads),
        slots(num_slots),
        key_dim(k_dim),
        value_dim(v_dim),
        dk(new float[static_cast<size_t>(rows * kv_heads * slots * key_dim)]),
        dv(new float[static_cast<size_t>(rows * kv_heads * slots * value_dim)]) {}

  float* dk_at(int64_t row, int64_t kv_head, int64_t slot) const {
    return dk.get() + ((row * kv_heads + kv_head) * slots + slot) * key_dim;
  }
  float* dv_at(int64_t row, int64_t kv_head, int64_t slot) const {
    return dv.get() + ((row * kv_heads + kv_head) * slots + slot) * value_dim;
  }
};

class TreeBackward {
 public:
  TreeBackward(const AttentionTensors& tensors, ConstMatrix dout,
               std::span<const AttentionSegment> segments, const AttentionShape& shape, Matrix dq,
               const KeySums& sums)
      : t_(tensors), dout_(dout), segments_(segments), shape_(shape), dq_(dq), sums_(sums) {
    group_ = shape.heads / sums.kv_heads;
    key_dim_ = sums.key_dim;
    value_dim_ = sums.value_dim;
  }

  /// Heads [begin, end) of one group.
  void run(const Tree& tree, int begin, int end) {
    kv_head_ = begin / group_;
    gather(segments_[tree.root], root_);
    for (int head = begin; head < end; ++head) {
      std::fill(root_.dk.begin(), root_.dk.end(), 0.0F);
      std::fill(root_.dv.begin(), root_.dv.end(), 0.0F);
      for (int64_t i : tree.members) {
        const bool is_root = i == tree.root;
        if (!is_root) gather(segments_[i], own_);
        head_of_segment(segments_[i], head, is_root ? root_ : own_);
        if (!is_root) add_sums(segments_[i], own_, head);
      }
      add_sums(segments_[tree.root], root_, head);
    }
  }

 private:
  void head_of_segment(const AttentionSegment& segment, int head, KeyRows& own) {
    for (int64_t row = 0; row < segment.length; row += kQueryRows) {
      queries(segment, head, row, std::min(kQueryRows, segment.length - row), own);
    }
  }

  void gather_rows(ConstMatrix m, int64_t begin, int64_t rows, int64_t col, int64_t dim,
                   std::vector<float>& out) const {
    out.assign(static_cast<size_t>(padded(rows) * padded(dim)), 0.0F);
    for (int64_t r = 0; r < rows; ++r) {
      kernels().convert(at(m, begin + r, col), m.type, out.data() + r * padded(dim), Type::f32,
                        dim);
    }
  }

  void gather(const AttentionSegment& s, KeyRows& keys) const {
    keys.length = s.length;
    keys.stride = padded(s.length);
    gather_rows(t_.k, s.begin, s.length, kv_head_ * key_dim_, key_dim_, keys.k);
    gather_rows(t_.v, s.begin, s.length, kv_head_ * value_dim_, value_dim_, keys.v);
    keys.k_columns.assign(static_cast<size_t>(key_dim_ * keys.stride), 0.0F);
    keys.v_columns.assign(static_cast<size_t>(value_dim_ * keys.stride), 0.0F);
    kernels().transpose(keys.k.data(), padded(key_dim_), s.length, key_dim_, keys.k_columns.data(),
                        keys.stride);
    kernels().transpose(keys.v.data(), padded(value_dim_), s.length, value_dim_,
                        keys.v_columns.data(), keys.stride);
    keys.dk.assign(keys.k.size(), 0.0F);
    keys.dv.assign(keys.v.size(), 0.0F);
  }

  void add_sums(const AttentionSegment& s, const KeyRows& keys, int head) const {
    const int64_t in_group = head % group_;
    const int64_t slot = std::min(in_group, sums_.slots - 1);
    const bool is_first = slot == in_group;
    for (int64_t r = 0; r < s.length; ++r) {
      const float* dk = keys.dk.data() + r * padded(key_dim_);
      const float* dv = keys.dv.data() + r * padded(value_dim_);
      float* dk_sum = sums_.dk_at(s.begin + r, kv_head_, slot);
      float* dv_sum = sums_.dv_at(s.begin + r, kv_head_, slot);
      if (is_first) {
        std::copy_n(dk, key_dim_, dk_sum);
        std::copy_n(dv, value_dim_, dv_sum);
      } else {
        kernels().add_to(dk, Type::f32, dk_sum, key_dim_);
        kernels().add_to(dv, Type::f32, dv_sum, value_dim_);
      }
    }
  }

  /// Queries [row, row + rows) of one head against the prefix, then against their own segment.
  void queries(const AttentionSegment& s, int head, int64_t row, int64_t rows, KeyRows& own) {
    const int64_t begin = s.begin + row;
    gather_rows(t_.q, begin, rows, head * key_dim_, key_dim_, q_);
    gather_rows(dout_, begin, rows, head * value_dim_, value_dim_, o_);
    dq_rows_.assign(q_.size(), 0.0F);
    for (int64_t r = 0; r < rows; ++r) {
      delta_[r] = kernels().dot(at(t_.out, begin + r, head * value_dim_), t_.out.type,
                                at(dout_, begin + r, head * value_dim_), dout_.type, value_dim_);
      lse_[r] = t_.lse[(begin + r) * shape_.heads + head];
    }
    const int64_t place = s.prefix_length + row;  // of the first query
    each_chunk(root_, s.prefix_length, place, rows, 0);
    each_chunk(own, row + rows, place, rows, s.prefix_length);
    for (int64_t r = 0; r < rows; ++r) {
      kernels().convert(dq_rows_.data() + r * padded(key_dim_), Type::f32,
                        at(dq_, begin + r, head * key_dim_), dq_.type, key_dim_);
    }
  }

  /// Keys [0, length) of `keys`, whose first has place `base`.
  void each_chunk(KeyRows& keys, int64_t length, int64_t place, int64_t rows, int64_t base) {
    for (int64_t key = 0; key < length; key += kKeyRows) {
      const int64_t count = std::min(kKeyRows, length - key);
      const int64_t first_seen = shape_.window > 0 ? place - shape_.window + 1 : 0;
      if (base + key + count <= first_seen) continue;
      chunk(keys, key, count, place, rows, base);
    }
  }

  void chunk(KeyRows& keys, int64_t key, int64_t count, int64_t place, int64_t rows, int64_t base) {
    const auto& table = kernels();
    const int64_t width = padded(count);
    const int64_t kd = padded(key_dim_);
    const int64_t vd = padded(value_dim_);
    // S = Q K^T and dP = dO V^T, sixteen keys to a vector.
    table.small_gemm({q_.data(), kd, 1, keys.k_columns.data() + key, keys.stride, scores_, kKeyRows,
                      rows, width, key_dim_, false});
    table.small_gemm({o_.data(), vd, 1, keys.v_columns.data() + key, keys.stride, grads_, kKeyRows,
                      rows, width, value_dim_, false});
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t last = place + r;
      const int64_t first = shape_.window > 0 ? std::max<int64_t>(0, last - shape_.window + 1) : 0;
      AttentionGradArgs args{};
      args.scores = scores_ + r * kKeyRows;
      args.grads = grads_ + r * kKeyRows;
      args.n = width;
      args.begin = std::clamp<int64_t>(first - base - key, 0, count);
      args.end = std::clamp<int64_t>(last + 1 - base - key, 0, count);
      args.scale = shape_.scale;
      args.lse = lse_[r];
      args.delta = delta_[r];
      table.attention_grad(args);
    }
    // dQ += dS K, dK += dS^T Q, dV += P^T dO.
    table.small_gemm({grads_, kKeyRows, 1, keys.k.data() + key * kd, kd, dq_rows_.data(), kd, rows,
                      kd, count, true});
    table.small_gemm(
        {grads_, 1, kKeyRows, q_.data(), kd, keys.dk.data() + key * kd, kd, count, kd, rows, true});
    table.small_gemm({scores_, 1, kKeyRows, o_.data(), vd, keys.dv.data() + key * vd, vd, count, vd,
                      rows, true});
  }

  const AttentionTensors& t_;
  ConstMatrix dout_;
  std::span<const AttentionSegment> segments_;
  const AttentionShape& shape_;
  Matrix dq_;
  const KeySums& sums_;
  int group_ = 1;
  int64_t kv_head_ = 0, key_dim_ = 0, value_dim_ = 0;

  KeyRows root_, own_;
  std::vector<float> q_, o_, dq_rows_;
  float delta_[kQueryRows] = {};
  float lse_[kQueryRows] = {};
  alignas(64) float scores_[kQueryRows * kKeyRows];
  alignas(64) float grads_[kQueryRows * kKeyRows];
};

void check(const AttentionTensors& t, ConstMatrix dout, int kv_heads, const AttentionShape& shape,
           ConstMatrix dq, ConstMatrix dk, ConstMatrix dv) {
  const auto same = [](ConstMatrix a, ConstMatrix b) {
    return a.rows == b.rows && a.cols == b.cols;
  };
  const int64_t rows = t.q.rows;
  const bool fits = kv_heads > 0 && shape.heads % kv_heads == 0 && t.q.cols % shape.heads == 0 &&
                    t.k.cols * shape.heads == t.q.cols * kv_heads &&
                    t.v.cols * shape.heads == t.out.cols * kv_heads && t.k.rows == rows &&
                    t.v.rows == rows && t.out.rows == rows && same(dout, t.out) && same(dq, t.q) &&
                    same(dk, t.k) && same(dv, t.v);
  if (!fits) throw ArgumentError("attention_backward: shapes of q, k, v, out and gradients differ");
}

void zero(ThreadTeam& team, Matrix m) {
  team.for_range(m.rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      std::memset(at(m, r, 0), 0, static_cast<size_t>(m.cols * bytes_of(m.type)));
    }
  });
}

/// Scores, dP, dQ, dK and dV of every key that a query sees.
/// @param columns  multiply-adds of one query and key over all heads.
void count_gradients(std::span<const AttentionSegment> segments, const AttentionShape& shape,
                     int64_t columns) {
  int64_t keys = 0;
  for (const AttentionSegment& s : segments)
    for (int64_t i = 0; i < s.length; ++i) {
      const int64_t seen = s.prefix_length + i + 1;
      keys += shape.window > 0 ? std::min<int64_t>(seen, shape.window) : seen;
    }
  count_products(keys * columns);
}

/// dk and dv from the sums of their heads.
void finish_keys(ThreadTeam& team, std::span<const AttentionSegment> segments, const KeySums& sums,
                 Matrix dk, Matrix dv) {
  const auto add_slots = [&](float* first, int64_t dim) {
    for (int64_t slot = 1; slot < sums.slots; ++slot) {
      kernels().add_to(first + slot * dim, Type::f32, first, dim);
    }
  };
  for (const AttentionSegment& s : segments) {
    team.for_range(s.length, 64, [&](int64_t begin, int64_t end) {
      for (int64_t row = s.begin + begin; row < s.begin + end; ++row) {
        for (int64_t head = 0; head < sums.kv_heads; ++head) {
          float* k = sums.dk_at(row, head, 0);
          float* v = sums.dv_at(row, head, 0);
          add_slots(k, sums.key_dim);
          add_slots(v, sums.value_dim);
          kernels().convert(k, Type::f32, at(dk, row, head * sums.key_dim), dk.type, sums.key_dim);
          kernels().convert(v, Type::f32, at(dv, row, head * sums.value_dim), dv.type,
                            sums.value_dim);
        }
      }
    });
  }
}

}  // namespace

void attention_backward(ThreadTeam& team, const AttentionTensors& tensors, ConstMatrix dout,
                        std::span<const AttentionSegment> segments, int kv_heads,
                        const AttentionShape& shape, Matrix dq, Matrix dk, Matrix dv) {
  check(tensors, dout, kv_heads, shape, dq, dk, dv);
  const std::vector<Tree> trees = trees_of(segments, tensors.q.rows);
  count_gradients(segments, shape, 3 * tensors.q.cols + 2 * tensors.out.cols);
  // Rows of no segment get no gradient.
  zero(team, dq);
  zero(team, dk);
  zero(team, dv);

  // The longest tasks first, so that no member is left alone with one at the end; heads of a group
  // together, unless that makes too few tasks.
  std::vector<int64_t> order(trees.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return trees[a].work > trees[b].work; });
  const int group = shape.heads / kv_heads;
  const bool apart = std::ssize(trees) * kv_heads < 4 * team.size();
  const int step = apart ? 1 : group;
  const int64_t parts = shape.heads / step;
  const KeySums sums(tensors.q.rows, kv_heads, apart ? group : 1, tensors.k.cols / kv_heads,
                     tensors.v.cols / kv_heads);
  team.run(std::ssize(trees) * parts, [&](ThreadTeam::Tasks& tasks) {
    const auto work = std::make_unique<TreeBackward>(tensors, dout, segments, shape, dq, sums);
    for (int64_t task; tasks.next(task);) {
      const auto head = static_cast<int>(task % parts) * step;
      work->run(trees[order[task / parts]], head, head + step);
    }
  });
  finish_keys(team, segments, sums, dk, dv);
}

}  // namespace gradus::policy::kernels
