#include "policy/kernels/latent_attention.h"

#include <cmath>

#include "base/error.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

namespace {

struct Dims {
  int heads, latent, rope;
  int width() const { return latent + rope; }
};

constexpr Dims kDims[] = {{4, 12, 8}, {3, 1, 2}, {16, 64, 16}, {50, 33, 6}};

/// A cache whose unused places hold NaN.
class Cache {
 public:
  Cache(const Dims& d, Type type, int64_t num_blocks) {
    layer_.layout = latent_layout(d.latent, d.rope, type);
    layer_.num_blocks = num_blocks;
    const auto bytes = static_cast<size_t>(layer_.layout.block_bytes() * num_blocks);
    memory_.assign(bytes + 64, std::byte{0xff});
    void* p = memory_.data();
    size_t space = memory_.size();
    layer_.data = static_cast<std::byte*>(std::align(64, bytes, p, space));
  }
  void write(const Grid& entries, const std::vector<int32_t>& blocks, int64_t from) {
    ThreadTeam alone(1);
    std::vector<int64_t> slots;
    for (int64_t i = 0; i < entries.num_rows(); ++i) {
      slots.push_back(blocks[static_cast<size_t>((from + i) / 16)] * 16 + (from + i) % 16);
    }
    kv_write(alone, {nullptr, Type::f32, entries.num_rows(), 0, 0}, entries.view(), slots, layer_);
  }
  const KvLayer& layer() const { return layer_; }

 private:
  std::vector<std::byte> memory_;
  KvLayer layer_;
};

Grid by_formula(const Grid& q, const Grid& entries, const std::vector<AttentionRow>& rows,
                const Dims& d, float scale) {
  Grid out(q.num_rows(), int64_t{d.heads} * d.latent);
  for (int64_t r = 0; r < q.num_rows(); ++r) {
    for (int h = 0; h < d.heads; ++h) {
      std::vector<double> p;
      double most = -HUGE_VAL;
      for (int64_t t = rows[r].first; t <= rows[r].place; ++t) {
        double score = 0;
        for (int i = 0; i < d.width(); ++i)
          score += q.get(r, h * d.width() + i) * entries.get(t, i);
        p.push_back(score * scale);
        most = std::max(most, p.back());
      }
      double sum = 0;
      for (double& x : p) sum += x = std::exp(x - most);
      for (int i = 0; i < d.latent; ++i) {
        double value = 0;
        for (size_t j = 0; j < p.size(); ++j) {
          value += p[j] / sum * entries.get(rows[r].first + static_cast<int64_t>(j), i);
        }
        out.set(r, h * d.latent + i, static_cast<float>(value));
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("latent attention equals the formula", "[kernels][latent_attention]") {
  ThreadTeam team(2);
  for (const Type type : {Type::f32, Type::bf16}) {
    for (const Dims& d : kDims) {
      const int64_t length = 150;
      const Grid entries = Grid::random(length, d.width(), 1, type);
      std::vector<int32_t> blocks;
      for (int32_t b = 9; b >= 0; --b) blocks.push_back(b);
      Cache cache(d, type, 10);
      cache.write(entries, blocks, 0);
      std::vector<AttentionRow> rows;
      for (const int32_t place : {0, 1, 15, 16, 63, 64, 65, 127, 149}) {
        rows.push_back({blocks.data(), place});
      }
      rows.push_back({blocks.data(), 1, 1});
      rows.push_back({blocks.data(), 149, 70});
      const Grid q = Grid::random(std::ssize(rows), int64_t{d.heads} * d.width(), 2, type);
      Grid out(q.num_rows(), int64_t{d.heads} * d.latent);
      latent_attention(team, q.view(), cache.layer(), rows, {d.heads, d.latent, d.rope, 0.3F},
                       out.view());
      const Grid wanted = by_formula(q, entries, rows, d, 0.3F);
      for (int64_t r = 0; r < out.num_rows(); ++r) {
        for (int64_t c = 0; c < int64_t{d.heads} * d.latent; ++c) {
          INFO("heads " << d.heads << " row " << r << " column " << c);
          REQUIRE(out.get(r, c) == Approx(wanted.get(r, c)).margin(2e-5));
        }
      }
    }
  }
}

TEST_CASE("a row of latent attention has the same bits alone, in a batch and in other blocks",
          "[kernels][latent_attention][exact]") {
  ThreadTeam alone(1);
  ThreadTeam team(3);
  for (const Type type : {Type::f32, Type::bf16}) {
    for (const Dims& d : kDims) {
      const int64_t length = 100;
      const Grid entries = Grid::random(length, d.width(), 3, type);
      const std::vector<int32_t> one{0, 1, 2, 3, 4, 5, 6};
      const std::vector<int32_t> other{6, 4, 2, 0, 1, 3, 5};
      Cache first(d, type, 7);
      Cache second(d, type, 7);
      first.write(entries, one, 0);
      second.write(entries, other, 0);
      const LatentShape shape{d.heads, d.latent, d.rope, 0.2F};
      std::vector<AttentionRow> rows;
      std::vector<AttentionRow> moved;
      for (int32_t place = 0; place < length; place += 9) {
        rows.push_back({one.data(), place});
        moved.push_back({other.data(), place});
      }
      const Grid q = Grid::random(std::ssize(rows), int64_t{d.heads} * d.width(), 4, type);
      Grid together(q.num_rows(), int64_t{d.heads} * d.latent);
      Grid elsewhere = together;
      latent_attention(team, q.view(), first.layer(), rows, shape, together.view());
      latent_attention(alone, q.view(), second.layer(), moved, shape, elsewhere.view());
      CHECK(together == elsewhere);
      for (int64_t r = 0; r < q.num_rows(); ++r) {
        // Later entries are not there yet.
        Cache so_far(d, type, 7);
        so_far.write(entries.rows(0, rows[r].place + 1), one, 0);
        Grid single(1, int64_t{d.heads} * d.latent);
        latent_attention(team, q.rows(r, 1).view(), so_far.layer(), std::span(rows).subspan(r, 1),
                         shape, single.view());
        REQUIRE(single == together.rows(r, 1));
      }
    }
  }
}

TEST_CASE("products of heads are those of each head's matrix", "[kernels][latent_attention]") {
  ThreadTeam team(2);
  const Grid a = Grid::random(5, 3 * 10, 5);
  std::vector<PackedMatrix> heads(3);
  std::vector<Grid> w;
  for (size_t h = 0; h < 3; ++h) {
    w.push_back(Grid::random(7, 6, 6 + static_cast<unsigned>(h)));
    heads[h].pack(team, w.back().view(), PackedMatrix::Source::rows_are_outputs, Type::f32);
  }
  Grid c(5, 3 * 9);
  c.fill(-1.0F);
  matmul_heads(team, a.view(), 10, heads, c.view(), 9);
  for (int64_t r = 0; r < 5; ++r) {
    for (int64_t h = 0; h < 3; ++h) {
      for (int64_t n = 0; n < 9; ++n) {
        double sum = n < 7 ? 0 : -1;  // columns between the heads' stay
        for (int64_t k = 0; k < 6 && n < 7; ++k) {
          sum += a.get(r, h * 10 + k) * w[static_cast<size_t>(h)].get(n, k);
        }
        CHECK(c.get(r, h * 9 + n) == Approx(sum).margin(1e-5));
      }
    }
  }
  Grid narrow(5, 20);
  CHECK_THROWS_AS(matmul_heads(team, a.view(), 10, heads, narrow.view(), 9), gradus::ArgumentError);
}

TEST_CASE("latent attention refuses shapes that do not fit", "[kernels][latent_attention]") {
  ThreadTeam alone(1);
  const Dims d{4, 12, 8};
  Cache cache(d, Type::f32, 1);
  const std::vector<int32_t> blocks{0};
  const std::vector<AttentionRow> rows{{blocks.data(), 0}};
  const Grid q(1, 4 * 20);
  Grid out(1, 4 * 12);
  CHECK_THROWS_AS(
      latent_attention(alone, q.view(), cache.layer(), rows, {4, 12, 6, 1.0F}, out.view()),
      gradus::ArgumentError);
  CHECK_THROWS_AS(
      latent_attention(alone, q.view(), cache.layer(), rows, {5, 12, 8, 1.0F}, out.view()),
      gradus::ArgumentError);
}
