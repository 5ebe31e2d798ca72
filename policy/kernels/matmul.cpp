#include "policy/kernels/matmul.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

#include "base/error.h"
#include "policy/kernels/product.h"
#include "policy/kernels/product_count.h"
#include "policy/kernels/scratch.h"

namespace gradus::policy::kernels {
namespace {

std::string shape_of(ConstMatrix m) {
  return "[" + std::to_string(m.rows) + ", " + std::to_string(m.cols) + "]";
}

}  // namespace

void PackedMatrix::Free::operator()(void* p) const {
  std::free(p);
}

void* PackedMatrix::reserve(ConstMatrix w, Source source, Type packed) {
  const bool row_is_output = source == Source::rows_are_outputs;
  k_ = row_is_output ? w.cols : w.rows;
  n_ = row_is_output ? w.rows : w.cols;
  type_ = packed;
  const auto bytes = static_cast<size_t>(panels_of(n_) * panel_bytes_of(k_, packed));
  if (bytes != bytes_ || data_ == nullptr) {
    data_.reset();
    bytes_ = 0;
    data_.reset(std::aligned_alloc(64, std::max<size_t>(64, bytes)));
    if (data_ == nullptr) throw std::bad_alloc();
    bytes_ = bytes;
  }
  return data_.get();
}

void PackedMatrix::pack(ThreadTeam& team, ConstMatrix w, Source source, Type packed) {
  auto* out = static_cast<std::byte*>(reserve(w, source, packed));
  const Packing packing{w, source == Source::rows_are_outputs, k_, n_, packed, out};
  pack_panels(team, {&packing, 1});
}

void matmul(ThreadTeam& team, ConstMatrix a, const PackedMatrix& b, Matrix c,
            MatmulOptions options) {
  if (a.cols != b.k() || c.rows != a.rows || c.cols != b.n()) {
    throw ArgumentError("matmul: shapes " + shape_of(a) + " x [" + std::to_string(b.k()) + ", " +
                        std::to_string(b.n()) + "] = " + shape_of(c) + " do not fit");
  }
  if (a.type == Type::bf16 && b.type() != Type::bf16) {
    throw ArgumentError("matmul: A is bf16 but B is packed in float32; pack B in bf16");
  }
  if (options.accumulate && c.type != Type::f32) {
    throw ArgumentError("matmul: accumulate needs a float32 C");
  }
  if (c.rows == 0 || c.cols == 0) return;
  count_products(a.rows * b.k() * b.n());
  const Panels panels{static_cast<const std::byte*>(b.data()), b.k(), b.n(), b.type()};
  const Product product(a, false, panels, c, options, team.size());
  run_products(team, {&product, 1});
}

void matmul_transposed(ThreadTeam& team, ConstMatrix a, ConstMatrix b, Matrix c, bool accumulate,
                       Type compute) {
  if (a.rows != b.rows || c.rows != a.cols || c.cols != b.cols || c.type != Type::f32) {
    throw ArgumentError("matmul_transposed: " + shape_of(a) + "^T x " + shape_of(b) + " = " +
                        shape_of(c) + " does not fit, or C is not float32");
  }
  if (c.rows == 0 || c.cols == 0) return;
  count_products(a.rows * c.rows * c.cols);
  thread_local Scratch scratch;
  auto* panels = scratch.get<std::byte>(
      static_cast<size_t>(panels_of(b.cols) * panel_bytes_of(b.rows, compute)));
  const Packing packing{b, false, b.rows, b.cols, compute, panels};
  pack_panels(team, {&packing, 1});
  MatmulOptions options;
  options.accumulate = accumulate;
  const Product product(a, true, {panels, b.rows, b.cols, compute}, c, options, team.size());
  run_products(team, {&product, 1});
}

}  // namespace gradus::policy::kernels
