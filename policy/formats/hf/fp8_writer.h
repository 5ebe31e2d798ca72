#pragma once

#include <array>

#include "policy/formats/hf/fp8_format.h"
#include "policy/formats/tensor_data.h"

namespace gradus::policy {

/// A matrix as FP8 checkpoints hold it: its weight and its scales, both made from `matrix` while
/// the file grows. Reading throws gradus::FileError of kind nonfinite_weights for NaN or infinity.
struct Fp8Tensors {
  RawTensor weight;  // F8_E4M3 [out, in]
  RawTensor scales;  // F32, fp8_scale_shape
};
Fp8Tensors quantise_fp8(FloatTensor matrix, const Fp8Format& format);

}  // namespace gradus::policy
