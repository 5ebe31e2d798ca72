#include "policy/kernels/grouped_matmul.h"

#include "base/error.h"
#include "policy/kernels/expert_rows.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

namespace {

struct Span {
  int64_t begin, end;
};
// Empty groups, rows in no group, more rows than a block.
constexpr Span kSpans[] = {{0, 1}, {1, 1}, {1, 8}, {10, 220}, {220, 223}};
constexpr int64_t kRows = 225;

}  // namespace

TEST_CASE("each group of a grouped product has the bits of a product alone", "[kernels][grouped]") {
  with_every_instruction_set([&] {
    for (const int members : {1, 2, 3}) {
      ThreadTeam team(members);
      for (const Type type : {Type::f32, Type::bf16}) {
        const int64_t k = 70;
        const int64_t n = 45;
        const Grid a = Grid::random(kRows, k, 1, type, 2);
        std::vector<PackedMatrix> weights(std::size(kSpans));
        std::vector<Grid> values;
        for (size_t g = 0; g < std::size(kSpans); ++g) {
          values.push_back(Grid::random(n, k, 10 + static_cast<unsigned>(g)));
        }
        std::vector<ConstMatrix> sources;
        for (const Grid& value : values) sources.push_back(value.view());
        pack_matrices(team, sources, PackedMatrix::Source::rows_are_outputs, type, weights);
        std::vector<MatmulGroup> groups;
        for (size_t g = 0; g < std::size(kSpans); ++g) {
          groups.push_back({kSpans[g].begin, kSpans[g].end, &weights[g]});
        }
        for (const bool accumulate : {false, true}) {
          Grid wanted = Grid::random(kRows, n, 3);
          Grid found = wanted;
          for (size_t g = 0; g < std::size(kSpans); ++g) {
            PackedMatrix alone;
            alone.pack(team, values[g].view(), PackedMatrix::Source::rows_are_outputs, type);
            ConstMatrix rows = a.view();
            Matrix to = wanted.view();
            rows.data = static_cast<const std::byte*>(rows.data) +
                        kSpans[g].begin * rows.stride * bytes_of(type);
            to.data = static_cast<float*>(to.data) + kSpans[g].begin * to.stride;
            rows.rows = to.rows = kSpans[g].end - kSpans[g].begin;
            matmul(team, rows, alone, to, {nullptr, accumulate});
          }
          grouped_matmul(team, a.view(), groups, found.view(), accumulate);
          CHECK(found == wanted);
        }
      }
    }
  });
}

TEST_CASE("grouped weight gradients have the bits of single ones", "[kernels][grouped]") {
  for (const int members : {1, 2}) {
    ThreadTeam team(members);
    for (const Type type : {Type::f32, Type::bf16}) {
      const Grid a = Grid::random(kRows, 37, 1, type);
      const Grid b = Grid::random(kRows, 66, 2, type);
      std::vector<Grid> wanted(std::size(kSpans), Grid::random(37, 66, 4));
      std::vector<Grid> found = wanted;
      std::vector<GradientGroup> groups;
      for (size_t g = 0; g < std::size(kSpans); ++g) {
        const auto [begin, end] = kSpans[g];
        groups.push_back({begin, end, found[g].view()});
        const Grid part_a = a.rows(begin, end - begin);
        const Grid part_b = b.rows(begin, end - begin);
        matmul_transposed(team, part_a.view(), part_b.view(), wanted[g].view(), true, type);
      }
      grouped_matmul_transposed(team, a.view(), b.view(), groups, true, type);
      for (size_t g = 0; g < std::size(kSpans); ++g) CHECK(found[g] == wanted[g]);
    }
  }
}

TEST_CASE("groups that do not fit are refused", "[kernels][grouped]") {
  ThreadTeam team(1);
  const Grid a = Grid::random(4, 6, 1);
  Grid c(4, 5);
  PackedMatrix b;
  b.pack(team, Grid::random(5, 6, 2).view(), PackedMatrix::Source::rows_are_outputs, Type::f32);
  const MatmulGroup outside{2, 5, &b};
  CHECK_THROWS_AS(grouped_matmul(team, a.view(), {&outside, 1}, c.view()), gradus::ArgumentError);
  b.pack(team, Grid::random(5, 7, 2).view(), PackedMatrix::Source::rows_are_outputs, Type::f32);
  const MatmulGroup misfit{0, 4, &b};
  CHECK_THROWS_AS(grouped_matmul(team, a.view(), {&misfit, 1}, c.view()), gradus::ArgumentError);
}

TEST_CASE("rows come back from their experts in the order of the experts", "[kernels][grouped]") {
  ThreadTeam team(2);
  const std::vector<int32_t> chosen{1, 4, 0, 1, 0, 4};
  const ExpertRows rows(chosen, 2, 6);
  REQUIRE(rows.groups.size() == 3);
  CHECK(rows.groups[1].expert == 1);
  CHECK(rows.row == std::vector<int64_t>{1, 2, 0, 1, 0, 2});
  CHECK(rows.place == std::vector<int64_t>{2, 4, 0, 3, 1, 5});
  const Grid x = Grid::random(3, 20, 1);
  Grid sorted(6, 20);
  gather_rows(team, x.view(), rows, sorted.view());
  for (int64_t n = 0; n < 6; ++n) {
    CHECK(sorted.get(n, 7) == x.get(rows.row[static_cast<size_t>(n)], 7));
  }
  const std::vector<float> weights{0.5F, 2.0F, 1.0F, 3.0F, -1.0F, 0.25F};
  Grid y(3, 20);
  y.fill(1.0F);
  add_rows(team, sorted.view(), rows, weights, y.view());
  CHECK(y.get(0, 3) == Approx(1.0 + 2.5 * x.get(0, 3)));
  CHECK(y.get(2, 19) == Approx(1.0 - 0.75 * x.get(2, 19)));
  std::vector<float> dots(6);
  dot_rows(team, sorted.view(), sorted.view(), rows, dots);
  double square = 0;
  for (int64_t c = 0; c < 20; ++c) square += x.get(1, c) * x.get(1, c);
  CHECK(dots[2] == Approx(square));
  CHECK_THROWS_AS(ExpertRows(chosen, 2, 4), gradus::ArgumentError);
}
