#include "policy/kernels/matmul.h"

#include "base/error.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

namespace {

double rounded(double x, Type type) {
  if (type == Type::f32) return x;
  Grid one(1, 1, Type::bf16);
  one.set(0, 0, static_cast<float>(x));
  return one.get(0, 0);
}

/// A [M, K] times B, where b(k, n) reads B, both sides rounded as the kernel rounds them.
template <class A, class B>
Grid product(int64_t m, int64_t n, int64_t k, Type compute, A a, B b) {
  Grid c(m, n);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < k; ++l) sum += rounded(a(i, l), compute) * rounded(b(l, j), compute);
      c.set(i, j, static_cast<float>(sum));
    }
  }
  return c;
}

struct Shape {
  int64_t m, n, k;
};

}  // namespace

TEST_CASE("products equal their definition for odd shapes and both types", "[kernels][matmul]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    for (const Shape s : {Shape{1, 1, 1},
                          {1, 130, 33},
                          {3, 70, 7},
                          {4, 64, 64},
                          {13, 33, 65},
                          {25, 100, 31},
                          {197, 40, 18}}) {
      for (Type packed : {Type::f32, Type::bf16}) {
        for (Type a_type : {Type::f32, Type::bf16}) {
          if (a_type == Type::bf16 && packed == Type::f32) continue;
          for (bool row_is_output : {true, false}) {
            const Grid a = Grid::random(s.m, s.k, 1, a_type, 3);
            const Grid w = row_is_output ? Grid::random(s.n, s.k, 2, Type::f32, 5)
                                         : Grid::random(s.k, s.n, 2, Type::f32, 5);
            PackedMatrix b;
            b.pack(team, w.view(),
                   row_is_output ? PackedMatrix::Source::rows_are_outputs
                                 : PackedMatrix::Source::rows_are_inputs,
                   packed);
            Grid c(s.m, s.n, Type::f32, 1);
            matmul(team, a.view(), b, c.view());
            const Grid expected = product(
                s.m, s.n, s.k, packed, [&](int64_t i, int64_t l) { return a.get(i, l); },
                [&](int64_t l, int64_t j) { return row_is_output ? w.get(j, l) : w.get(l, j); });
            INFO(s.m << " x " << s.n << " x " << s.k);
            CHECK(distance(c, expected) < 2e-5);
          }
        }
      }
    }
  });
}

TEST_CASE("bias and the former C are added to a product", "[kernels][matmul]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    for (Type packed : {Type::f32, Type::bf16}) {
      const Grid a = Grid::random(9, 40, 1);
      const Grid w = Grid::random(50, 40, 2);
      const Grid bias = Grid::random(1, 50, 3);
      Grid c = Grid::random(9, 50, 4);
      PackedMatrix b;
      b.pack(team, w.view(), PackedMatrix::Source::rows_are_outputs, packed);
      Grid expected(9, 50);
      matmul(team, a.view(), b, expected.view());
      for (int64_t i = 0; i < 9; ++i) {
        for (int64_t j = 0; j < 50; ++j) {
          expected.set(i, j, static_cast<float>(expected.get(i, j) + bias.get(0, j) + c.get(i, j)));
        }
      }
      matmul(team, a.view(), b, c.view(), {bias.floats(), true});
      CHECK(distance(c, expected) < 1e-6);
    }
  });
}

TEST_CASE("a product in bf16 is the float32 product rounded to nearest even", "[kernels][matmul]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    const Grid a = Grid::random(9, 40, 1, Type::bf16);
    const Grid w = Grid::random(50, 40, 2);
    PackedMatrix b;
    b.pack(team, w.view(), PackedMatrix::Source::rows_are_outputs, Type::bf16);
    Grid exact(9, 50);
    Grid c(9, 50, Type::bf16);
    Grid expected(9, 50, Type::bf16);
    matmul(team, a.view(), b, exact.view());
    matmul(team, a.view(), b, c.view());
    for (int64_t i = 0; i < 9; ++i) {
      for (int64_t j = 0; j < 50; ++j) expected.set(i, j, static_cast<float>(exact.get(i, j)));
    }
    CHECK(c == expected);
  });
}

TEST_CASE("a row has the same bits alone, in a batch, at any stride and team size",
          "[kernels][matmul]") {
  with_every_instruction_set([&] {
    for (Type packed : {Type::f32, Type::bf16}) {
      // More steps of K than a block holds, so that partial sums are set aside.
      for (int64_t k : {int64_t{35}, int64_t{2531}}) {
        const Grid a = Grid::random(50, k, 1);
        const Grid spaced = Grid::random(50, k, 1, Type::f32, 11);
        const Grid w = Grid::random(200, k, 2);
        ThreadTeam one(1);
        PackedMatrix b;
        b.pack(one, w.view(), PackedMatrix::Source::rows_are_outputs, packed);
        Grid all(50, 200);
        matmul(one, a.view(), b, all.view());
        for (int size : {1, 2, 3, 4}) {
          ThreadTeam team(size);
          Grid again(50, 200, Type::f32, 7);
          matmul(team, spaced.view(), b, again.view());
          CHECK(again == all);
          for (int64_t rows : {1, 2, 3, 4, 5, 8, 12, 13, 31}) {
            Grid part(rows, 200);
            matmul(team, a.rows(17, rows).view(), b, part.view());
            INFO("rows " << rows << " of team " << size << " with k " << k);
            CHECK(part == all.rows(17, rows));
          }
        }
      }
    }
  });
}

TEST_CASE("weight gradients equal their definition and do not depend on the team",
          "[kernels][matmul]") {
  with_every_instruction_set([&] {
    for (Type compute : {Type::f32, Type::bf16}) {
      for (const Shape s : {Shape{5, 3, 1}, {33, 70, 19}, {210, 35, 64}}) {
        const Grid a = Grid::random(s.k, s.m, 1, Type::f32, 3);
        const Grid b = Grid::random(s.k, s.n, 2, Type::bf16, 2);
        ThreadTeam one(1);
        ThreadTeam three(3);
        Grid c(s.m, s.n);
        matmul_transposed(one, a.view(), b.view(), c.view(), false, compute);
        const Grid expected = product(
            s.m, s.n, s.k, compute, [&](int64_t i, int64_t l) { return a.get(l, i); },
            [&](int64_t l, int64_t j) { return b.get(l, j); });
        CHECK(distance(c, expected) < 2e-5);
        Grid again(s.m, s.n, Type::f32, 3);
        again.fill(1.0F);
        Grid doubled(s.m, s.n);
        matmul_transposed(three, a.view(), b.view(), again.view(), true, compute);
        for (int64_t i = 0; i < s.m; ++i) {
          for (int64_t j = 0; j < s.n; ++j) {
            doubled.set(i, j, 1.0F + static_cast<float>(c.get(i, j)));
          }
        }
        CHECK(again == doubled);
      }
    }
  });
}

TEST_CASE("an infinite or undefined value stays one through a product", "[kernels][matmul]") {
  ThreadTeam team(1);
  with_every_instruction_set([&] {
    Grid a = Grid::random(2, 8, 1);
    a.set(0, 3, NAN);
    const Grid w = Grid::random(4, 8, 2);
    PackedMatrix b;
    b.pack(team, w.view(), PackedMatrix::Source::rows_are_outputs, Type::bf16);
    Grid c(2, 4, Type::bf16);
    matmul(team, a.view(), b, c.view());
    CHECK(std::isnan(c.get(0, 0)));
    CHECK(std::isfinite(c.get(1, 0)));
  });
}

TEST_CASE("shapes that do not fit are refused", "[kernels][matmul]") {
  ThreadTeam team(1);
  const Grid a = Grid::random(2, 8, 1);
  const Grid w = Grid::random(4, 9, 2);
  PackedMatrix b;
  b.pack(team, w.view(), PackedMatrix::Source::rows_are_outputs, Type::f32);
  Grid c(2, 4);
  CHECK_THROWS_AS(matmul(team, a.view(), b, c.view()), gradus::ArgumentError);
}
