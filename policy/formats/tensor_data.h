#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "policy/formats/dtype.h"

namespace gradus::policy {

/// Fills `out` with the values of a row-major tensor from element `first` on. It may be called
/// several times for the same elements and must give the same values each time.
using FloatReader = std::function<void(int64_t first, std::span<float> out)>;

/// A tensor to be written, whose values are fetched piece by piece while the file grows, so that
/// no second copy of a model is held.
struct FloatTensor {
  std::string name;
  std::vector<int64_t> shape;  // [] is a scalar
  FloatReader read;
};

/// A tensor to be written as raw bytes of any plain dtype.
struct RawTensor {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  /// Fills `out` from byte `first` on, under the same rules as FloatReader.
  std::function<void(uint64_t first, std::span<std::byte> out)> read;
};

/// A FloatTensor over values that outlive it.
FloatTensor float_tensor(std::string name, std::vector<int64_t> shape,
                         std::span<const float> values);

/// Narrows on the way. Reading throws gradus::FileError (its path is the tensor's name) with kind
/// nonfinite_weights for a NaN or infinity, or for a value that `dtype` cannot hold.
/// @param dtype  F32, F16 or BF16.
RawTensor narrow(FloatTensor tensor, DType dtype);

}  // namespace gradus::policy
