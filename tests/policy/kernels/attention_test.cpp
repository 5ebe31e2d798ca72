#include "policy/kernels/attention.h"

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

namespace {

struct Dims {
  int heads, kv_heads, key_dim, value_dim;
};

/// A cache whose unused places hold NaN, and the block tables of sequences in it.
class Cache {
 public:
  Cache(const Dims& d, Type type, int64_t num_blocks) {
    layer_.layout = {d.kv_heads, d.key_dim, d.value_dim, type};
    layer_.num_blocks = num_blocks;
    const auto bytes = static_cast<size_t>(layer_.layout.block_bytes() * num_blocks);
    memory_.assign(bytes + 64, std::byte{0xff});
    void* p = memory_.data();
    size_t space = memory_.size();
    layer_.data = static_cast<std::byte*>(std::align(64, bytes, p, space));
  }
  const KvLayer& layer() const { return layer_; }

 private:
  std::vector<std::byte> memory_;
  KvLayer layer_;
};

std::vector<int64_t> slots_of(const std::vector<int32_t>& blocks, int64_t length) {
  std::vector<int64_t> slots;
  for (int64_t i = 0; i < length; ++i) slots.push_back(blocks[i / 16] * 16 + i % 16);
  return slots;
}

/// Attention of query row r, at the given places of k and v, by the formula.
void reference_row(const Grid& q, int64_t r, const Grid& k, const Grid& v,
                   const std::vector<int64_t>& keys, const Dims& d, float scale, Grid& out,
                   std::vector<double>* lse) {
  for (int h = 0; h < d.heads; ++h) {
    const int kv = h / (d.heads / d.kv_heads);
    std::vector<double> p;
    double most = -HUGE_VAL;
    for (int64_t key : keys) {
      double score = 0;
      for (int i = 0; i < d.key_dim; ++i) {
        score += q.get(r, h * d.key_dim + i) * k.get(key, kv * d.key_dim + i);
      }
      p.push_back(score * scale);
      most = std::max(most, p.back());
    }
    double sum = 0;
    for (double& x : p) sum += x = std::exp(x - most);
    if (lse != nullptr) (*lse)[r * d.heads + h] = most + std::log(sum);
    for (int i = 0; i < d.value_dim; ++i) {
      double value = 0;
      for (size_t j = 0; j < keys.size(); ++j) {
        value += p[j] / sum * v.get(keys[j], kv * d.value_dim + i);
      }
      out.set(r, h * d.value_dim + i, static_cast<float>(value));
    }
  }
}

std::vector<int64_t> places(int64_t last, int window) {
  const int64_t first = window > 0 ? std::max<int64_t>(0, last - window + 1) : 0;
  std::vector<int64_t> keys(static_cast<size_t>(last + 1 - first));
  std::iota(keys.begin(), keys.end(), first);
  return keys;
}

constexpr Dims kDims[] = {{6, 2, 8, 8}, {3, 1, 64, 64}, {4, 4, 10, 24}, {10, 2, 16, 80}};

}  // namespace

TEST_CASE("keys and values come back from the cache as they were written", "[kernels][attention]") {
  ThreadTeam team(2);
  for (Type type : {Type::f32, Type::bf16}) {
    const Dims d{6, 2, 10, 24};
    Cache cache(d, type, 5);
    const Grid k = Grid::random(37, 20, 1, type);
    const Grid v = Grid::random(37, 48, 2, type);
    const auto slots = slots_of({3, 0, 4}, 37);
    kv_write(team, k.view(), v.view(), slots, cache.layer());
    Grid k2(37, 20, type);
    Grid v2(37, 48, type);
    kv_read(team, cache.layer(), slots, k2.view(), v2.view());
    CHECK(k == k2);
    CHECK(v == v2);
  }
}

TEST_CASE("a slot outside of the cache is refused", "[kernels][attention]") {
  ThreadTeam team(1);
  Cache cache({2, 1, 4, 4}, Type::f32, 1);
  const Grid k = Grid::random(1, 4, 1);
  const std::vector<int64_t> slots{16};
  CHECK_THROWS_AS(kv_write(team, k.view(), k.view(), slots, cache.layer()), gradus::ArgumentError);
}

TEST_CASE("paged attention equals its definition, whatever unused places hold",
          "[kernels][attention]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    for (const Dims& d : kDims) {
      for (Type type : {Type::f32, Type::bf16}) {
        for (int window : {0, 1, 21}) {
          const int64_t length = 150;
          const std::vector<int32_t> blocks{9, 2, 3, 11, 0, 7, 5, 10, 4, 1};
          Cache cache(d, type, 12);
          const Grid k = Grid::random(length, d.kv_heads * d.key_dim, 1, type);
          const Grid v = Grid::random(length, d.kv_heads * d.value_dim, 2, type);
          kv_write(team, k.view(), v.view(), slots_of(blocks, length), cache.layer());
          const Grid q = Grid::random(length, d.heads * d.key_dim, 3, type);
          std::vector<AttentionRow> rows;
          for (int r = 0; r < length; ++r) rows.push_back({blocks.data(), r});
          const AttentionShape shape{d.heads, 0.3F, window};
          Grid out(length, d.heads * d.value_dim);
          std::vector<float> lse(length * d.heads);
          paged_attention(team, q.view(), cache.layer(), rows, shape, out.view(), lse.data());

          Grid expected(length, d.heads * d.value_dim);
          std::vector<double> expected_lse(lse.size());
          for (int64_t r = 0; r < length; ++r) {
            reference_row(q, r, k, v, places(r, window), d, shape.scale, expected, &expected_lse);
          }
          CHECK(distance(out, expected) < 1e-5);
          double worst = 0;
          for (size_t i = 0; i < lse.size(); ++i) {
            worst = std::max(worst, std::abs(lse[i] - expected_lse[i]));
          }
          CHECK(worst < 1e-5);
        }
      }
    }
  });
}

TEST_CASE("an attention row has the same bits in prefill and decode, in any blocks and team",
          "[kernels][attention]") {
  with_every_instruction_set([&] {
    for (Type type : {Type::f32, Type::bf16}) {
      const Dims d{6, 2, 16, 24};
      const int64_t length = 75;
      const AttentionShape shape{d.heads, 0.25F, 0};
      ThreadTeam one(1);
      const std::vector<int32_t> blocks{0, 1, 2, 3, 4};
      const std::vector<int32_t> others{4, 2, 5, 0, 1};
      Cache cache(d, type, 6);
      Cache other(d, type, 6);
      const Grid k = Grid::random(length, d.kv_heads * d.key_dim, 1);
      const Grid v = Grid::random(length, d.kv_heads * d.value_dim, 2);
      kv_write(one, k.view(), v.view(), slots_of(blocks, length), cache.layer());
      const Grid q = Grid::random(length, d.heads * d.key_dim, 3);
      std::vector<AttentionRow> rows;
      for (int r = 0; r < length; ++r) rows.push_back({blocks.data(), r});
      Grid all(length, d.heads * d.value_dim);
      paged_attention(one, q.view(), cache.layer(), rows, shape, all.view(), nullptr);

      for (int size : {2, 4}) {
        ThreadTeam team(size);
        for (int64_t r = 0; r < length; ++r) {
          const std::vector<int64_t> slot{others[r / 16] * 16 + r % 16};
          kv_write(team, k.rows(r, 1).view(), v.rows(r, 1).view(), slot, other.layer());
          const AttentionRow row{others.data(), static_cast<int32_t>(r)};
          Grid out(1, d.heads * d.value_dim);
          paged_attention(team, q.rows(r, 1).view(), other.layer(), {&row, 1}, shape, out.view(),
                          nullptr);
          CHECK(out == all.rows(r, 1));
        }
      }
    }
  });
}

namespace {

struct Gradients {
  Grid dq, dk, dv;
  bool operator==(const Gradients&) const = default;
};

std::vector<int64_t> keys_of(const AttentionSegment& s, int64_t row, int window) {
  std::vector<int64_t> keys;
  for (int64_t place : places(s.prefix_length + row, window)) {
    keys.push_back(place < s.prefix_length ? s.prefix_begin + place
                                           : s.begin + place - s.prefix_length);
  }
  return keys;
}

/// With P the probabilities and D = dout . out: dv += P dout, ds = P (dout . v - D), dq += ds k,
/// dk += ds q.
Gradients reference_backward(const AttentionTensors&, const Grid& q, const Grid& k, const Grid& v,
                             const Grid& out, const Grid& dout, const std::vector<double>& lse,
                             const std::vector<AttentionSegment>& segments, const Dims& d,
                             const AttentionShape& shape) {
  const int64_t rows = q.num_rows();
  std::vector<double> dk(rows * k.num_cols()), dv(rows * v.num_cols());
  Gradients g{Grid(rows, q.num_cols()), Grid(rows, k.num_cols()), Grid(rows, v.num_cols())};
  g.dq.fill(0.0F);
  for (const AttentionSegment& s : segments) {
    for (int64_t r = s.begin; r < s.begin + s.length; ++r) {
      for (int h = 0; h < d.heads; ++h) {
        const int kv = h / (d.heads / d.kv_heads);
        double delta = 0;
        for (int i = 0; i < d.value_dim; ++i) {
          delta += out.get(r, h * d.value_dim + i) * dout.get(r, h * d.value_dim + i);
        }
        std::vector<double> dq(d.key_dim);
        for (int64_t key : keys_of(s, r - s.begin, shape.window)) {
          double score = 0, dp = 0;
          for (int i = 0; i < d.key_dim; ++i) {
            score += q.get(r, h * d.key_dim + i) * k.get(key, kv * d.key_dim + i);
          }
          for (int i = 0; i < d.value_dim; ++i) {
            dp += dout.get(r, h * d.value_dim + i) * v.get(key, kv * d.value_dim + i);
          }
          const double p = std::exp(score * shape.scale - lse[r * d.heads + h]);
          const double ds = p * (dp - delta) * shape.scale;
          for (int i = 0; i < d.key_dim; ++i) {
            dq[i] += ds * k.get(key, kv * d.key_dim + i);
            dk[key * k.num_cols() + kv * d.key_dim + i] += ds * q.get(r, h * d.key_dim + i);
          }
          for (int i = 0; i < d.value_dim; ++i) {
            dv[key * v.num_cols() + kv * d.value_dim + i] += p * dout.get(r, h * d.value_dim + i);
          }
        }
        for (int i = 0; i < d.key_dim; ++i) {
          g.dq.set(r, h * d.key_dim + i, static_cast<float>(dq[i]));
        }
      }
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < k.num_cols(); ++c) {
      g.dk.set(r, c, static_cast<float>(dk[r * k.num_cols() + c]));
    }
    for (int64_t c = 0; c < v.num_cols(); ++c) {
      g.dv.set(r, c, static_cast<float>(dv[r * v.num_cols() + c]));
    }
  }
  return g;
}

}  // namespace

TEST_CASE("attention's gradients equal their definition over shared prefixes and windows",
          "[kernels][attention]") {
  // A prompt with two completions (one listed before it), a sequence alone, three rows of padding.
  const std::vector<AttentionSegment> segments{
      {40, 33, 0, 40}, {0, 40, 0, 0}, {73, 50, 0, 40}, {123, 35, 0, 0}};
  const int64_t rows = 161;
  with_every_instruction_set([&] {
    for (const Dims& d : kDims) {
      for (Type type : {Type::f32, Type::bf16}) {
        for (int window : {0, 25}) {
          const AttentionShape shape{d.heads, 0.3F, window};
          const Grid q = Grid::random(rows, d.heads * d.key_dim, 1, type);
          const Grid k = Grid::random(rows, d.kv_heads * d.key_dim, 2, type);
          const Grid v = Grid::random(rows, d.kv_heads * d.value_dim, 3, type);
          const Grid dout = Grid::random(rows, d.heads * d.value_dim, 4, type);
          Grid out(rows, d.heads * d.value_dim);
          out.fill(0.0F);
          std::vector<double> lse(rows * d.heads);
          for (const AttentionSegment& s : segments) {
            for (int64_t i = 0; i < s.length; ++i) {
              reference_row(q, s.begin + i, k, v, keys_of(s, i, window), d, shape.scale, out, &lse);
            }
          }
          const std::vector<float> lse_floats(lse.begin(), lse.end());
          const AttentionTensors tensors{q.view(), k.view(), v.view(), std::as_const(out).view(),
                                         lse_floats.data()};
          const Gradients expected =
              reference_backward(tensors, q, k, v, out, dout, lse, segments, d, shape);
          const auto run = [&](int size) {
            ThreadTeam team(size);
            Gradients g{Grid(rows, q.num_cols()), Grid(rows, k.num_cols()),
                        Grid(rows, v.num_cols())};
            attention_backward(team, tensors, dout.view(), segments, d.kv_heads, shape, g.dq.view(),
                               g.dk.view(), g.dv.view());
            return g;
          };
          const Gradients g = run(1);
          CHECK(distance(g.dq, expected.dq) < 3e-5);
          CHECK(distance(g.dk, expected.dk) < 3e-5);
          CHECK(distance(g.dv, expected.dv) < 3e-5);
          CHECK(run(3) == g);  // a larger team works on heads apart
          CHECK(run(2) == g);
        }
      }
    }
  });
}

TEST_CASE("a prefix that is no segment is refused", "[kernels][attention]") {
  ThreadTeam team(1);
  const Grid x = Grid::random(8, 4, 1);
  Grid g(8, 4);
  const std::vector<float> lse(8);
  const std::vector<AttentionSegment> segments{{4, 4, 0, 4}};
  CHECK_THROWS_AS(
      attention_backward(team, {x.view(), x.view(), x.view(), x.view(), lse.data()}, x.view(),
                         segments, 1, {1, 1.0F, 0}, g.view(), g.view(), g.view()),
      gradus::ArgumentError);
}
