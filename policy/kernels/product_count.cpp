#include "policy/kernels/product_count.h"

#include <atomic>

namespace gradus::policy::kernels {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see the header.
std::atomic<int64_t> num_products{0};

}  // namespace

int64_t counted_products() {
  return num_products.load(std::memory_order_relaxed);
}

void count_products(int64_t multiply_adds) {
  num_products.fetch_add(multiply_adds, std::memory_order_relaxed);
}

}  // namespace gradus::policy::kernels
