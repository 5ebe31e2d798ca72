#define GRADUS_ISA isa_avx2
#include "policy/kernels/isa/vector_avx2.h"
//
#include "policy/kernels/isa/table.h"

namespace gradus::policy::kernels {

const KernelTable& table_avx2() {
  static constexpr KernelTable kTable = GRADUS_ISA::make_table("avx2");
  return kTable;
}

}  // namespace gradus::policy::kernels
