#define GRADUS_ISA isa_avx512_bf16
#include "policy/kernels/isa/vector_avx512.h"
//
#include "policy/kernels/isa/elements.h"
//
#include "policy/kernels/isa/exp.h"
#include "policy/kernels/isa/pack.h"
//
#include "policy/kernels/isa/attention.h"
#include "policy/kernels/isa/gemm.h"

namespace gradus::policy::kernels {

const KernelTable& table_avx512_bf16() {
  // The rest never multiplies pairs of bf16.
  static const KernelTable table = [] {
    KernelTable result = table_avx512();
    result.name = "avx512_bf16";
    result.gemm = GRADUS_ISA::gemm;
    result.small_gemm = GRADUS_ISA::small_gemm;
    result.attend = GRADUS_ISA::attend;
    result.attention_grad = GRADUS_ISA::attention_grad;
    return result;
  }();
  return table;
}

}  // namespace gradus::policy::kernels
