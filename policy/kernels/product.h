#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "policy/kernels/matmul.h"
#include "policy/kernels/scratch.h"

/// How the matrix products of matmul.h and grouped_matmul.h are cut into tasks.
namespace gradus::policy::kernels {

/// The right side of a product, as PackedMatrix lays it.
struct Panels {
  const std::byte* data = nullptr;
  int64_t k = 0;
  int64_t n = 0;
  Type type = Type::f32;
};

int64_t panels_of(int64_t n);
int64_t panel_bytes_of(int64_t k, Type type);

/// What is packed: w [n, k] (row_is_output) or [k, n], into panels at `out`.
struct Packing {
  ConstMatrix w;
  bool row_is_output = true;
  int64_t k = 0;
  int64_t n = 0;
  Type type = Type::f32;
  std::byte* out = nullptr;
};
/// Packs all as one operation, shared out panel by panel.
void pack_panels(ThreadTeam& team, std::span<const Packing> packings);

/// C = A B cut into tasks (block of rows, group of panels). No value depends on the cut.
class Product {
 public:
  /// What a thread keeps between tasks.
  struct Memory {
    Scratch rows;
    Scratch partial;
    const Product* product = nullptr;  ///< whose
    int64_t block = -1;                ///< block of rows is packed in `rows`
  };

  /// @param transposed  a is [K, M].
  /// @param members     threads that will share the tasks.
  /// @param all_blocks  blocks of rows of everything that they share; 0: this product's.
  Product(ConstMatrix a, bool transposed, Panels b, Matrix c, MatmulOptions options, int members,
          int64_t all_blocks = 0);

  static int64_t row_blocks(int64_t rows);
  int64_t num_tasks() const { return row_blocks_ * groups_; }
  void run(int64_t task, Memory& memory) const;

 private:
  int64_t row(int64_t block) const { return c_.rows * block / row_blocks_; }
  int64_t block_steps(int64_t step) const;
  void pack_rows(int64_t block, int64_t step, uint32_t* packed) const;
  void multiply(int64_t block, int64_t group, int64_t step, const uint32_t* packed,
                float* partial) const;

  ConstMatrix a_;
  bool transposed_;
  Panels b_;
  Matrix c_;
  MatmulOptions options_;
  int64_t steps_, row_blocks_, group_panels_, groups_;
};

/// Members take tasks as they come, product by product.
void run_products(ThreadTeam& team, std::span<const Product> products);

}  // namespace gradus::policy::kernels
