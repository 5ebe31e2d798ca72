#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "policy/formats/model_config.h"
#include "policy/kernels/matrix.h"
#include "policy/kernels/rowwise.h"

/// Tensors as the kernels see them: plain memory.
namespace gradus::policy {

inline kernels::Type kernel_type(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? kernels::Type::bf16 : kernels::Type::f32;
}

/// The tensor, contiguous and on the CPU, as a matrix of rows of its last dimension.
inline kernels::Matrix rows_of(const at::Tensor& t) {
  TORCH_CHECK(t.is_contiguous() && t.is_cpu(), "native compute needs contiguous CPU tensors");
  const int64_t cols = t.size(-1);
  return {t.data_ptr(), kernel_type(t.scalar_type()), cols == 0 ? 0 : t.numel() / cols, cols, cols};
}

/// The same memory as rows of `cols` values.
inline kernels::Matrix rows_of(const at::Tensor& t, int64_t cols) {
  auto m = rows_of(t);
  m.rows = t.numel() / cols;
  m.cols = m.stride = cols;
  return m;
}

inline kernels::GateFunction gate_function(Activation activation) {
  return activation == Activation::silu ? kernels::GateFunction::silu
                                        : kernels::GateFunction::gelu_tanh;
}

/// Null where the tensor is undefined.
inline float* floats(const at::Tensor& t) {
  return t.defined() ? t.data_ptr<float>() : nullptr;
}

/// [rows, cols], uninitialised.
inline at::Tensor new_rows(int64_t rows, int64_t cols, at::ScalarType dtype) {
  return at::empty({rows, cols}, at::TensorOptions().dtype(dtype));
}

}  // namespace gradus::policy
