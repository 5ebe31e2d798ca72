#include "policy/kernels/isa.h"

#include <atomic>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matmul.h"

namespace gradus::policy::kernels {
namespace {

std::vector<const KernelTable*> available() {
  std::vector<const KernelTable*> tables;
#if defined(GRADUS_X86_KERNELS)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq");
  if (avx512 && __builtin_cpu_supports("avx512bf16")) tables.push_back(&table_avx512_bf16());
  if (avx512) tables.push_back(&table_avx512());
  if (avx2) tables.push_back(&table_avx2());
#endif
  tables.push_back(&table_generic());
  return tables;
}

// Process-wide because the processor is: one choice, made once, that only tests change.
std::atomic<const KernelTable*>& chosen() {
  static std::atomic<const KernelTable*> table{available().front()};
  return table;
}

}  // namespace

const KernelTable& kernels() {
  return *chosen().load(std::memory_order_relaxed);
}

const char* instruction_set() {
  return kernels().name;
}

std::vector<std::string> available_instruction_sets() {
  std::vector<std::string> names;
  for (const KernelTable* table : available()) names.emplace_back(table->name);
  return names;
}

void set_instruction_set_for_testing(const char* name) {
  std::string known;
  for (const KernelTable* table : available()) {
    if (name == nullptr || std::string(table->name) == name) {
      chosen().store(table);
      return;
    }
    known += std::string(known.empty() ? "" : ", ") + table->name;
  }
  throw ArgumentError("set_instruction_set_for_testing: '" + std::string(name) +
                      "' is not available here; there are " + known);
}

}  // namespace gradus::policy::kernels
