#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "policy/kernels/attention.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/scratch.h"

namespace gradus::policy::kernels {
namespace {

// Queries and keys that meet at once: their scores, and the keys' gradients, stay in cache.
constexpr int64_t kQueryRows = 32;
constexpr int64_t kKeyRows = 256;

int64_t padded(int64_t n) {
  return (n + 15) / 16 * 16;
}

const std::byte* at(ConstMatrix m, int64_t row, int64_t col) {
  return static_cast<const std::byte*>(m.data) + (row * m.stride + col) * bytes_of(m.type);
}
std::byte* at(Matrix m, int64_t row, int64_t col) {
  return static_cast<std::byte*>(m.data) + (row * m.stride + col) * bytes_of(m.type);
}

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

class TreeBackward {
 public:
  TreeBackward(const AttentionTensors& tensors, ConstMatrix dout,
               std::span<const AttentionSegment> segments, int kv_heads,
               const AttentionShape& shape, Matrix dq, Matrix dk, Matrix dv)
      : t_(tensors), dout_(dout), segments_(segments), shape_(shape), dq_(dq), dk_(dk), dv_(dv) {
    group_ = shape.heads / kv_heads;
    key_dim_ = t_.k.cols / kv_heads;
    value_dim_ = t_.v.cols / kv_heads;
  }

  void run(const Tree& tree, int kv_head) {
    kv_head_ = kv_head;
    gather(segments_[tree.root], root_);
    for (int64_t i : tree.members) {
      const AttentionSegment& segment = segments_[i];
      const bool is_root = i == tree.root;
      KeyRows& own = is_root ? root_ : own_;
      if (!is_root) gather(segment, own_);
      for (int64_t row = 0; row < segment.length; row += kQueryRows) {
        for (int head = kv_head * group_; head < (kv_head + 1) * group_; ++head) {
          queries(segment, head, row, std::min(kQueryRows, segment.length - row), own);
        }
      }
      if (!is_root) scatter(segment, own_);
    }
    scatter(segments_[tree.root], root_);
  }

 private:
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

  void scatter(const AttentionSegment& s, const KeyRows& keys) const {
    for (int64_t r = 0; r < s.length; ++r) {
      kernels().convert(keys.dk.data() + r * padded(key_dim_), Type::f32,
                        at(dk_, s.begin + r, kv_head_ * key_dim_), dk_.type, key_dim_);
      kernels().convert(keys.dv.data() + r * padded(value_dim_), Type::f32,
                        at(dv_, s.begin + r, kv_head_ * value_dim_), dv_.type, value_dim_);
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
  Matrix dq_, dk_, dv_;
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

}  // namespace

void attention_backward(ThreadTeam& team, const AttentionTensors& tensors, ConstMatrix dout,
                        std::span<const AttentionSegment> segments, int kv_heads,
                        const AttentionShape& shape, Matrix dq, Matrix dk, Matrix dv) {
  check(tensors, dout, kv_heads, shape, dq, dk, dv);
  const std::vector<Tree> trees = trees_of(segments, tensors.q.rows);
  // Rows of no segment get no gradient.
  zero(team, dq);
  zero(team, dk);
  zero(team, dv);

  // The longest tasks first, so that no member is left alone with one at the end.
  std::vector<int64_t> order(trees.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return trees[a].work > trees[b].work; });
  const auto num_tasks = std::ssize(trees) * kv_heads;
  std::atomic<int64_t> next{0};
  team.run([&](int) {
    const auto work =
        std::make_unique<TreeBackward>(tensors, dout, segments, kv_heads, shape, dq, dk, dv);
    for (;;) {
      const int64_t task = next.fetch_add(1, std::memory_order_relaxed);
      if (task >= num_tasks) return;
      work->run(trees[order[task / kv_heads]], static_cast<int>(task % kv_heads));
    }
  });
}

}  // namespace gradus::policy::kernels
