#include "policy/formats/tensor_data.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "policy/formats/tensor_info.h"

namespace gradus::policy {

FloatTensor float_tensor(std::string name, std::vector<int64_t> shape,
                         std::span<const float> values) {
  return {std::move(name), std::move(shape), [values](int64_t first, std::span<float> out) {
            std::copy_n(values.begin() + first, out.size(), out.begin());
          }};
}

RawTensor narrow(FloatTensor tensor, DType dtype) {
  const uint64_t width = dtype_block_bytes(dtype);
  auto read = [width, dtype, name = tensor.name, source = std::move(tensor.read)](
                  uint64_t first_byte, std::span<std::byte> out) {
    const uint64_t first = first_byte / width;
    std::vector<float> piece(out.size() / width);
    source(static_cast<int64_t>(first), piece);
    check_finite(name, "values", piece);
    if (const auto overflow = convert_from_f32(dtype, piece, out)) {
      throw FileError(name, "nonfinite_weights",
                      fmt::format("value {} at element {} is beyond {}; write F32 or BF16",
                                  piece[*overflow], first + *overflow, dtype_name(dtype)));
    }
  };
  return {std::move(tensor.name), dtype, std::move(tensor.shape), std::move(read)};
}

}  // namespace gradus::policy
