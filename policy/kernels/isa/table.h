#pragma once

// Everything above one vector_*.h, as the table of the instruction set GRADUS_ISA.
#include "policy/kernels/isa/elements.h"
//
#include "policy/kernels/isa/exp.h"
#include "policy/kernels/isa/pack.h"
//
#include "policy/kernels/isa/attention.h"
#include "policy/kernels/isa/gemm.h"
#include "policy/kernels/isa/logits.h"
#include "policy/kernels/isa/moments.h"
#include "policy/kernels/isa/optimizer.h"
#include "policy/kernels/isa/rounding.h"
#include "policy/kernels/isa/rowwise.h"

namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

constexpr KernelTable make_table(const char* name) {
  return {name,
          pack_panel,
          pack_rows,
          gemm,
          small_gemm,
          attend,
          attention_grad,
          transpose,
          convert,
          add_to,
          scale,
          add_scaled,
          dot,
          rms_norm,
          rms_norm_dx,
          rms_norm_dweight,
          rope,
          gate_mul<Silu>,
          gate_mul_backward<Silu>,
          gate_mul<GeluTanh>,
          gate_mul_backward<GeluTanh>,
          exp,
          logit_stats,
          sample,
          logit_grad,
          adamw,
          extreme,
          square_root,
          encode_moments,
          sum_squares,
          all_finite,
          round_fp8,
          round_fp8_columns,
          round_int8,
          max_magnitude,
          max_magnitudes};
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
