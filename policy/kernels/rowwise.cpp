#include "policy/kernels/rowwise.h"

#include <string>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matrix_rows.h"

namespace gradus::policy::kernels {
namespace {

void check_same(const char* where, ConstMatrix a, ConstMatrix b) {
  if (a.rows == b.rows && a.cols == b.cols) return;
  throw ArgumentError(std::string(where) + ": shapes [" + std::to_string(a.rows) + ", " +
                      std::to_string(a.cols) + "] and [" + std::to_string(b.rows) + ", " +
                      std::to_string(b.cols) + "] differ");
}

template <class Fn>
void each_row(ThreadTeam& team, int64_t rows, int64_t cols, Fn fn) {
  const int64_t grain = 1 + kGrainValues / (cols > 0 ? cols : 1);
  team.for_range(rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) fn(r);
  });
}

/// fn(column, width) on strips of columns: sums over rows are then each made by one member, in
/// order.
template <class Fn>
void each_strip(ThreadTeam& team, int64_t rows, int64_t cols, Fn fn) {
  constexpr int64_t kStrip = 16;
  const int64_t strips = (cols + kStrip - 1) / kStrip;
  const int64_t grain = 1 + kGrainValues / (kStrip * (rows > 0 ? rows : 1));
  team.for_range(strips, grain, [&](int64_t begin, int64_t end) {
    const int64_t last = end * kStrip < cols ? end * kStrip : cols;
    fn(begin * kStrip, last - begin * kStrip);
  });
}

}  // namespace

void rms_norm(ThreadTeam& team, ConstMatrix x, const float* weight, float eps, Matrix y,
              float* inv_rms) {
  check_same("rms_norm", x, y);
  each_row(team, x.rows, x.cols, [&](int64_t r) {
    const float inv = kernels().rms_norm(at(x, r), x.type, weight, eps, at(y, r), y.type, x.cols);
    if (inv_rms != nullptr) inv_rms[r] = inv;
  });
}

void rms_norm_backward(ThreadTeam& team, ConstMatrix x, const float* weight, const float* inv_rms,
                       ConstMatrix dy, Matrix dx, bool accumulate_dx, float* dweight) {
  check_same("rms_norm_backward", x, dy);
  check_same("rms_norm_backward", x, dx);
  // First, because dx may lie where dy or x does.
  if (dweight != nullptr) {
    each_strip(team, x.rows, x.cols, [&](int64_t col, int64_t width) {
      for (int64_t r = 0; r < x.rows; ++r) {
        kernels().rms_norm_dweight(at(x, r, col), x.type, inv_rms[r], at(dy, r, col), dy.type,
                                   dweight + col, width);
      }
    });
  }
  each_row(team, x.rows, x.cols, [&](int64_t r) {
    kernels().rms_norm_dx(at(x, r), x.type, weight, inv_rms[r], at(dy, r), dy.type, at(dx, r),
                          dx.type, accumulate_dx, x.cols);
  });
}

void rope(ThreadTeam& team, Matrix x, std::span<const int32_t> positions, const float* cos,
          const float* sin, const RopeShape& shape, bool inverse) {
  if (std::ssize(positions) != x.rows || x.cols != int64_t{shape.heads} * shape.head_dim ||
      shape.rope_dim % 2 != 0 || shape.rope_dim > shape.head_dim) {
    throw ArgumentError("rope: x [" + std::to_string(x.rows) + ", " + std::to_string(x.cols) +
                        "] does not fit " + std::to_string(positions.size()) + " positions, " +
                        std::to_string(shape.heads) + " heads of " +
                        std::to_string(shape.head_dim) + " and rope_dim " +
                        std::to_string(shape.rope_dim));
  }
  const int64_t half = shape.rope_dim / 2;
  each_row(team, x.rows, x.cols, [&](int64_t r) {
    const int64_t angle = int64_t{positions[r]} * half;
    for (int head = 0; head < shape.heads; ++head) {
      const int64_t col = int64_t{head + 1} * shape.head_dim - shape.rope_dim;
      kernels().rope(
          {at(x, r, col), x.type, cos + angle, sin + angle, half, shape.interleaved, inverse});
    }
  });
}

void gate_mul(ThreadTeam& team, GateFunction function, ConstMatrix gate, ConstMatrix up, Matrix y) {
  check_same("gate_mul", gate, up);
  check_same("gate_mul", gate, y);
  const auto multiply = function == GateFunction::silu ? kernels().silu_mul : kernels().gelu_mul;
  each_row(team, y.rows, y.cols, [&](int64_t r) {
    multiply(at(gate, r), gate.type, at(up, r), up.type, at(y, r), y.type, y.cols);
  });
}

void gate_mul_backward(ThreadTeam& team, GateFunction function, ConstMatrix gate, ConstMatrix up,
                       ConstMatrix dy, Matrix dgate, Matrix dup) {
  check_same("gate_mul_backward", gate, up);
  check_same("gate_mul_backward", gate, dy);
  check_same("gate_mul_backward", gate, dgate);
  check_same("gate_mul_backward", gate, dup);
  const auto multiply =
      function == GateFunction::silu ? kernels().silu_mul_backward : kernels().gelu_mul_backward;
  each_row(team, gate.rows, gate.cols, [&](int64_t r) {
    multiply(at(gate, r), gate.type, at(up, r), up.type, at(dy, r), dy.type, at(dgate, r),
             dgate.type, at(dup, r), dup.type, gate.cols);
  });
}

void embedding(ThreadTeam& team, ConstMatrix table, std::span<const int64_t> ids, Matrix y) {
  each_row(team, std::ssize(ids), table.cols, [&](int64_t r) {
    kernels().convert(at(table, ids[r]), table.type, at(y, r), y.type, table.cols);
  });
}

void embedding_backward(ThreadTeam& team, std::span<const int64_t> ids, ConstMatrix dy,
                        Matrix dtable) {
  if (dtable.type != Type::f32) throw ArgumentError("embedding_backward: dtable must be float32");
  each_strip(team, std::ssize(ids), dtable.cols, [&](int64_t col, int64_t width) {
    for (int64_t r = 0; r < std::ssize(ids); ++r) {
      auto* row = static_cast<float*>(dtable.data) + ids[r] * dtable.stride + col;
      kernels().add_to(at(dy, r, col), dy.type, row, width);
    }
  });
}

}  // namespace gradus::policy::kernels
