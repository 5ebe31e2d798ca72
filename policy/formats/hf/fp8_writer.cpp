#include "policy/formats/hf/fp8_writer.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "policy/formats/float_bits.h"
#include "policy/formats/tensor_info.h"

namespace gradus::policy {
namespace {

/// The matrix in strips of block_rows rows, of which one is held. All scales are found at their
/// first use: they are small, and the file has them before the weights.
class QuantisedMatrix {
 public:
  QuantisedMatrix(FloatTensor matrix, const Fp8Format& format)
      : matrix_(std::move(matrix)),
        format_(format),
        rows_(matrix_.shape[0]),
        columns_(matrix_.shape[1]),
        scale_columns_(fp8_scale_shape(format, matrix_.shape)[1]) {}

  void read_scales(uint64_t first_byte, std::span<std::byte> out) {
    find_scales();
    const auto bytes = std::as_bytes(std::span(scales_));
    std::memcpy(out.data(), bytes.data() + first_byte, out.size());
  }

  void read_weight(uint64_t first_byte, std::span<std::byte> out) {
    find_scales();
    for (size_t done = 0; done < out.size();) {
      const int64_t element = static_cast<int64_t>(first_byte + done);
      const int64_t row = element / columns_;
      hold_strip(row / format_.block_rows);
      const int64_t in_strip = element - strip_ * format_.block_rows * columns_;
      const size_t size = std::min(out.size() - done, codes_.size() - in_strip);
      std::memcpy(out.data() + done, codes_.data() + in_strip, size);
      done += size;
    }
  }

 private:
  void find_scales() {
    if (!scales_.empty()) return;
    std::vector<float> scales;
    std::vector<std::span<const float>> block;
    for (int64_t strip = 0; strip * format_.block_rows < rows_; ++strip) {
      const std::vector<float> values = read_strip(strip);
      for (int64_t begin = 0; begin < columns_; begin += format_.block_columns) {
        const int64_t width = std::min(format_.block_columns, columns_ - begin);
        block.clear();
        for (size_t at = begin; at < values.size(); at += columns_) {
          block.emplace_back(values.data() + at, width);
        }
        scales.push_back(fp8_block_scale(block));
      }
    }
    scales_ = std::move(scales);
  }

  std::vector<float> read_strip(int64_t strip) const {
    const int64_t first = strip * format_.block_rows;
    std::vector<float> values(std::min(format_.block_rows, rows_ - first) * columns_);
    matrix_.read(first * columns_, values);
    check_finite(matrix_.name, "values", values);
    return values;
  }

  void hold_strip(int64_t strip) {
    if (strip == strip_) return;
    const std::vector<float> values = read_strip(strip);
    codes_.resize(values.size());
    const float* scales = scales_.data() + strip * scale_columns_;
    for (size_t i = 0; i < values.size(); ++i) {
      const int64_t column = static_cast<int64_t>(i) % columns_;
      codes_[i] = f32_to_f8_e4m3(values[i] / scales[column / format_.block_columns]);
    }
    strip_ = strip;
  }

  FloatTensor matrix_;
  Fp8Format format_;
  int64_t rows_;
  int64_t columns_;
  int64_t scale_columns_;
  std::vector<float> scales_;
  std::vector<uint8_t> codes_;  // of the strip that is held
  int64_t strip_ = -1;
};

}  // namespace

Fp8Tensors quantise_fp8(FloatTensor matrix, const Fp8Format& format) {
  const std::string name = matrix.name;
  const std::vector<int64_t> shape = matrix.shape;
  const auto quantised = std::make_shared<QuantisedMatrix>(std::move(matrix), format);
  return {{name, DType::F8_E4M3, shape,
           [quantised](uint64_t first, std::span<std::byte> out) {
             quantised->read_weight(first, out);
           }},
          {name + std::string(kFp8ScaleEnding), DType::F32, fp8_scale_shape(format, shape),
           [quantised](uint64_t first, std::span<std::byte> out) {
             quantised->read_scales(first, out);
           }}};
}

}  // namespace gradus::policy
