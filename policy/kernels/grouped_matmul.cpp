#include "policy/kernels/grouped_matmul.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "policy/kernels/product.h"
#include "policy/kernels/product_count.h"

namespace gradus::policy::kernels {
namespace {

template <class M>
M rows_of(M m, int64_t begin, int64_t end) {
  using Byte = std::conditional_t<std::is_same_v<M, Matrix>, std::byte, const std::byte>;
  m.data = static_cast<Byte*>(m.data) + begin * m.stride * bytes_of(m.type);
  m.rows = end - begin;
  return m;
}

[[noreturn]] void refuse(const char* where, size_t group, const std::string& why) {
  throw ArgumentError(std::string(where) + ": group " + std::to_string(group) + ": " + why);
}

std::string text(ConstMatrix m) {
  return "[" + std::to_string(m.rows) + ", " + std::to_string(m.cols) + "]";
}

void check_rows(const char* where, size_t group, int64_t begin, int64_t end, int64_t rows) {
  if (begin >= 0 && begin <= end && end <= rows) return;
  refuse(where, group,
         "rows " + std::to_string(begin) + " to " + std::to_string(end) + " of " +
             std::to_string(rows));
}

}  // namespace

void grouped_matmul(ThreadTeam& team, ConstMatrix a, std::span<const MatmulGroup> groups, Matrix c,
                    bool accumulate) {
  constexpr const char* kName = "grouped_matmul";
  int64_t blocks = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto& [begin, end, b] = groups[g];
    check_rows(kName, g, begin, end, std::min(a.rows, c.rows));
    if (a.cols != b->k() || c.cols != b->n()) {
      refuse(kName, g,
             "shapes " + text(a) + " x [" + std::to_string(b->k()) + ", " + std::to_string(b->n()) +
                 "] = " + text(c) + " do not fit");
    }
    if (a.type == Type::bf16 && b->type() != Type::bf16) {
      refuse(kName, g, "A is bf16 but B is packed in float32; pack B in bf16");
    }
    if (accumulate && c.type != Type::f32) refuse(kName, g, "accumulate needs a float32 C");
    blocks += Product::row_blocks(end - begin);
  }
  std::vector<Product> products;
  products.reserve(groups.size());
  for (const auto& [begin, end, b] : groups) {
    if (begin == end || c.cols == 0) continue;
    count_products((end - begin) * b->k() * b->n());
    const Panels panels{static_cast<const std::byte*>(b->data()), b->k(), b->n(), b->type()};
    products.emplace_back(rows_of(a, begin, end), false, panels, rows_of(c, begin, end),
                          MatmulOptions{nullptr, accumulate}, team.size(), blocks);
  }
  run_products(team, products);
}

void grouped_matmul_transposed(ThreadTeam& team, ConstMatrix a, ConstMatrix b,
                               std::span<const GradientGroup> groups, bool accumulate,
                               Type compute) {
  constexpr const char* kName = "grouped_matmul_transposed";
  size_t bytes = 0;
  int64_t blocks = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto& [begin, end, c] = groups[g];
    check_rows(kName, g, begin, end, std::min(a.rows, b.rows));
    if (c.rows != a.cols || c.cols != b.cols || c.type != Type::f32) {
      refuse(kName, g,
             text(a) + "^T x " + text(b) + " = " + text(c) + " does not fit, or C is not float32");
    }
    bytes += static_cast<size_t>(panels_of(b.cols) * panel_bytes_of(end - begin, compute));
    blocks += Product::row_blocks(c.rows);
  }
  thread_local Scratch scratch;
  auto* out = scratch.get<std::byte>(bytes);
  std::vector<Packing> packings;
  std::vector<Product> products;
  products.reserve(groups.size());
  for (const auto& [begin, end, c] : groups) {
    if (c.rows == 0 || c.cols == 0) continue;
    const int64_t rows = end - begin;
    count_products(rows * c.rows * c.cols);
    packings.push_back({rows_of(b, begin, end), false, rows, b.cols, compute, out});
    products.emplace_back(rows_of(a, begin, end), true, Panels{out, rows, b.cols, compute}, c,
                          MatmulOptions{nullptr, accumulate}, team.size(), blocks);
    out += panels_of(b.cols) * panel_bytes_of(rows, compute);
  }
  pack_panels(team, packings);
  run_products(team, products);
}

void pack_matrices(ThreadTeam& team, std::span<const ConstMatrix> w, PackedMatrix::Source source,
                   Type packed, std::span<PackedMatrix> out) {
  if (w.size() != out.size()) throw ArgumentError("pack_matrices: other counts in and out");
  std::vector<Packing> packings;
  packings.reserve(w.size());
  for (size_t i = 0; i < w.size(); ++i) {
    auto* to = static_cast<std::byte*>(out[i].reserve(w[i], source, packed));
    packings.push_back({w[i], source == PackedMatrix::Source::rows_are_outputs, out[i].k(),
                        out[i].n(), packed, to});
  }
  pack_panels(team, packings);
}

}  // namespace gradus::policy::kernels
