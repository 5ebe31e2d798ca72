#define GRADUS_ISA isa_avx512
#include "policy/kernels/isa/vector_avx512.h"
//
#include "policy/kernels/isa/table.h"

namespace gradus::policy::kernels {

const KernelTable& table_avx512() {
  static constexpr KernelTable kTable = GRADUS_ISA::make_table("avx512");
  return kTable;
}

}  // namespace gradus::policy::kernels
