#define GRADUS_ISA isa_generic
#include "policy/kernels/isa/vector_generic.h"
//
#include "policy/kernels/isa/table.h"

namespace gradus::policy::kernels {

const KernelTable& table_generic() {
  static constexpr KernelTable kTable = GRADUS_ISA::make_table("generic");
  return kTable;
}

}  // namespace gradus::policy::kernels
