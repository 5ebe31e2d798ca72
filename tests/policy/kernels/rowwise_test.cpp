#include "policy/kernels/rowwise.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

namespace {

constexpr Type kTypes[] = {Type::f32, Type::bf16};

template <class Fn>
Grid make(int64_t rows, int64_t cols, Fn fn) {
  Grid grid(rows, cols);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) grid.set(r, c, static_cast<float>(fn(r, c)));
  }
  return grid;
}

double mean_square(const Grid& x, int64_t r) {
  double sum = 0;
  for (int64_t c = 0; c < x.num_cols(); ++c) sum += x.get(r, c) * x.get(r, c);
  return sum / static_cast<double>(x.num_cols());
}

/// What a gate lets pass of g, and the slope of that.
std::pair<double, double> gate_share(GateFunction function, double g) {
  if (function == GateFunction::silu) {
    const double s = 1.0 / (1.0 + std::exp(-g));
    return {s, s * (1.0 - s)};
  }
  const double k = std::sqrt(2.0 / 3.14159265358979323846);
  const double t = std::tanh(k * (g + 0.044715 * g * g * g));
  return {(1.0 + t) / 2.0, (1.0 - t * t) / 2.0 * k * (1.0 + 3.0 * 0.044715 * g * g)};
}

}  // namespace

TEST_CASE("the norm divides rows by their root mean square", "[kernels][rowwise]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    for (Type x_type : kTypes) {
      for (Type y_type : kTypes) {
        for (int64_t cols : {1, 15, 64, 577}) {
          const Grid x = Grid::random(21, cols, 1, x_type, 3);
          const Grid w = Grid::random(1, cols, 2);
          Grid y(21, cols, y_type, 2);
          std::vector<float> inv(21);
          rms_norm(team, x.view(), w.floats(), 1e-5F, y.view(), inv.data());
          const Grid expected = make(21, cols, [&](int64_t r, int64_t c) {
            return w.get(0, c) * x.get(r, c) / std::sqrt(mean_square(x, r) + 1e-5);
          });
          CHECK(distance(y, expected) < tolerance(y_type, 2e-6));
          CHECK(inv[20] == Approx(1.0 / std::sqrt(mean_square(x, 20) + 1e-5)).epsilon(1e-6));
        }
      }
    }
  });
}

TEST_CASE("the norm's gradients equal their definition for any team", "[kernels][rowwise]") {
  with_every_instruction_set([&] {
    for (Type type : kTypes) {
      const int64_t rows = 300, cols = 83;
      ThreadTeam one(1), three(3);
      const Grid x = Grid::random(rows, cols, 1, type);
      const Grid dy = Grid::random(rows, cols, 2, type, 5);
      const Grid w = Grid::random(1, cols, 3);
      Grid y(rows, cols);
      std::vector<float> inv(rows);
      rms_norm(one, x.view(), w.floats(), 1e-5F, y.view(), inv.data());
      const Grid expected = make(rows, cols, [&](int64_t r, int64_t c) {
        double dot = 0;
        for (int64_t i = 0; i < cols; ++i) dot += w.get(0, i) * dy.get(r, i) * x.get(r, i);
        const double s = 1.0 / std::sqrt(mean_square(x, r) + 1e-5);
        return 1.0 + s * (w.get(0, c) * dy.get(r, c) - x.get(r, c) * s * s * dot / cols);
      });
      const Grid expected_w = make(1, cols, [&](int64_t, int64_t c) {
        double sum = 2.0;
        for (int64_t r = 0; r < rows; ++r) {
          sum += dy.get(r, c) * x.get(r, c) / std::sqrt(mean_square(x, r) + 1e-5);
        }
        return sum;
      });
      Grid dx(rows, cols), dw(1, cols), dx3(rows, cols), dw3(1, cols);
      for (Grid* grid : {&dx, &dx3}) grid->fill(1.0F);
      for (Grid* grid : {&dw, &dw3}) grid->fill(2.0F);
      rms_norm_backward(one, x.view(), w.floats(), inv.data(), dy.view(), dx.view(), true,
                        dw.floats());
      rms_norm_backward(three, x.view(), w.floats(), inv.data(), dy.view(), dx3.view(), true,
                        dw3.floats());
      CHECK(distance(dx, expected) < 5e-6);
      CHECK(distance(dw, expected_w) < 3e-5);
      CHECK(dx == dx3);
      CHECK(dw == dw3);
    }
  });
}

TEST_CASE("rotary positions turn pairs, and back", "[kernels][rowwise]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    for (Type type : kTypes) {
      for (bool interleaved : {false, true}) {
        for (const RopeShape base : {RopeShape{3, 12, 12}, {2, 64, 64}, {2, 50, 44}}) {
          RopeShape shape = base;
          shape.interleaved = interleaved;
          const int half = shape.rope_dim / 2;
          const Grid angle = Grid::random(40, half, 5);
          const Grid cos =
              make(40, half, [&](auto r, auto c) { return std::cos(angle.get(r, c)); });
          const Grid sin =
              make(40, half, [&](auto r, auto c) { return std::sin(angle.get(r, c)); });
          const std::vector<int32_t> positions{7, 0, 39, 7, 12};
          const Grid before = Grid::random(5, shape.heads * shape.head_dim, 1, type, 3);
          Grid x = before;
          rope(team, x.view(), positions, cos.floats(), sin.floats(), shape, false);
          Grid expected = before;
          for (int64_t r = 0; r < 5; ++r) {
            for (int h = 0; h < shape.heads; ++h) {
              const int col = (h + 1) * shape.head_dim - shape.rope_dim;
              for (int i = 0; i < half; ++i) {
                const int a = col + (interleaved ? 2 * i : i);
                const int b = col + (interleaved ? 2 * i + 1 : i + half);
                const double c = cos.get(positions[r], i), s = sin.get(positions[r], i);
                expected.set(r, a, static_cast<float>(before.get(r, a) * c - before.get(r, b) * s));
                expected.set(r, b, static_cast<float>(before.get(r, b) * c + before.get(r, a) * s));
              }
            }
          }
          CHECK(distance(x, expected) < tolerance(type, 1e-6));
          rope(team, x.view(), positions, cos.floats(), sin.floats(), shape, true);
          CHECK(distance(x, before) < 2 * tolerance(type, 1e-6));
        }
      }
    }
  });
}

TEST_CASE("the gates and their gradients equal their definition", "[kernels][rowwise]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    for (const GateFunction function : {GateFunction::silu, GateFunction::gelu_tanh}) {
      const auto value = [&](double g) { return g * gate_share(function, g).first; };
      const auto slope = [&](double g) {
        const auto [s, ds] = gate_share(function, g);
        return s + g * ds;
      };
      for (Type in : kTypes) {
        for (Type out : kTypes) {
          Grid gate = Grid::random(17, 101, 1, in, 3, 4.0F);
          gate.set(0, 0, -120.0F);
          gate.set(0, 1, 120.0F);
          const Grid up = Grid::random(17, 101, 2, in);
          const Grid dy = Grid::random(17, 101, 3, in);
          Grid y(17, 101, out), dgate(17, 101, out), dup(17, 101, out);
          gate_mul(team, function, gate.view(), up.view(), y.view());
          gate_mul_backward(team, function, gate.view(), up.view(), dy.view(), dgate.view(),
                            dup.view());
          CHECK(distance(y, make(17, 101, [&](auto r, auto c) {
                           return value(gate.get(r, c)) * up.get(r, c);
                         })) < tolerance(out, 2e-6));
          CHECK(distance(dup, make(17, 101, [&](auto r, auto c) {
                           return dy.get(r, c) * value(gate.get(r, c));
                         })) < tolerance(out, 2e-6));
          CHECK(distance(dgate, make(17, 101, [&](auto r, auto c) {
                           return dy.get(r, c) * up.get(r, c) * slope(gate.get(r, c));
                         })) < tolerance(out, 3e-6));
        }
      }
    }
  });
}

TEST_CASE("embeddings are rows of the table, and repeated ids add their gradients",
          "[kernels][rowwise]") {
  with_every_instruction_set([&] {
    for (Type type : kTypes) {
      ThreadTeam one(1), three(3);
      const Grid table = Grid::random(7, 37, 1, type, 2);
      std::vector<int64_t> ids;
      for (int64_t i = 0; i < 900; ++i) ids.push_back(i * 5 % 7);
      Grid y(900, 37, type);
      embedding(three, table.view(), ids, y.view());
      bool same = true;
      for (int64_t r = 0; r < 900; ++r) same = same && y.rows(r, 1) == table.rows(ids[r], 1);
      CHECK(same);

      const Grid dy = Grid::random(900, 37, 2, type);
      const auto run = [&](ThreadTeam& team) {
        Grid dtable(7, 37);
        dtable.fill(0.5F);
        embedding_backward(team, ids, dy.view(), dtable.view());
        return dtable;
      };
      const Grid dtable = run(one);
      const Grid expected = make(7, 37, [&](int64_t v, int64_t c) {
        double sum = 0.5;
        for (int64_t r = 0; r < 900; ++r) sum += ids[r] == v ? dy.get(r, c) : 0.0;
        return sum;
      });
      CHECK(distance(dtable, expected) < 1e-5);
      CHECK(run(three) == dtable);
    }
  });
}
