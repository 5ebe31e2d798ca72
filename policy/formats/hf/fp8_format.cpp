#include "policy/formats/hf/fp8_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "policy/formats/config_fields.h"
#include "policy/formats/float_bits.h"

namespace gradus::policy {
namespace {

constexpr float kLargest = 448.0F;

void expect(const ConfigFields& fields, const char* key, const char* only) {
  const std::string text = fields.text_or(key, only);
  if (text == only) return;
  fields.fail(key, fmt::format("\"{}\" is not supported, only \"{}\"", text, only));
}

int64_t block_size(const ConfigFields& fields, const nlohmann::json& value) {
  if (value.is_number_integer() && value >= 1 && value <= kMaxWidth) return value.get<int64_t>();
  fields.fail("weight_block_size", fmt::format("holds {}, must hold whole numbers from 1 to {}",
                                               value.dump().substr(0, 40), kMaxWidth));
}

/// Whether every x of the block is an E4M3 number times `scale`, rounded to float32.
bool is_on_grid(std::span<const std::span<const float>> rows, float scale) {
  for (const auto row : rows) {
    for (const float x : row) {
      if (f8_e4m3_to_f32(f32_to_f8_e4m3(x / scale)) * scale != x) return false;
    }
  }
  return true;
}

float largest_of(std::span<const std::span<const float>> rows) {
  float largest = 0.0F;
  for (const auto row : rows) {
    for (const float x : row) largest = std::max(largest, std::fabs(x));
  }
  return largest;
}

}  // namespace

std::optional<Fp8Format> read_fp8_format(const ConfigFields& config) {
  if (!config.has("quantization_config")) return std::nullopt;
  const ConfigFields fields = config.object("quantization_config");
  const std::string method = fields.text_or("quant_method", "unknown");
  if (method != "fp8") {
    fields.fail("quant_method", fmt::format("\"{}\" is not supported, only \"fp8\"; use the "
                                            "unquantised checkpoint",
                                            method));
  }
  expect(fields, "fmt", "e4m3");
  expect(fields, "activation_scheme", "dynamic");
  Fp8Format format;
  if (!fields.is_stated("weight_block_size")) return format;
  const nlohmann::json* size = fields.value("weight_block_size");
  if (size == nullptr || !size->is_array() || size->size() != 2) {
    fields.fail("weight_block_size",
                "must be a list of two whole numbers, e.g. [128, 128]; one "
                "scale per tensor is not supported");
  }
  format.block_rows = block_size(fields, size->front());
  format.block_columns = block_size(fields, size->back());
  return format;
}

nlohmann::json fp8_quantization_config(const Fp8Format& format) {
  return {{"activation_scheme", "dynamic"},
          {"fmt", "e4m3"},
          {"quant_method", "fp8"},
          {"weight_block_size", {format.block_rows, format.block_columns}}};
}

std::vector<int64_t> fp8_scale_shape(const Fp8Format& format, std::span<const int64_t> shape) {
  return {(shape[0] + format.block_rows - 1) / format.block_rows,
          (shape[1] + format.block_columns - 1) / format.block_columns};
}

bool is_fp8_role(TensorRole role) {
  switch (role) {
    case TensorRole::query:
    case TensorRole::key:
    case TensorRole::value:
    case TensorRole::query_down:
    case TensorRole::query_up:
    case TensorRole::kv_down:
    case TensorRole::kv_up:
    case TensorRole::attention_output:
    case TensorRole::gate:
    case TensorRole::up:
    case TensorRole::down:
    case TensorRole::expert_gate:
    case TensorRole::expert_up:
    case TensorRole::expert_down:
    case TensorRole::shared_gate:
    case TensorRole::shared_up:
    case TensorRole::shared_down:
      return true;
    default:
      return false;
  }
}

void apply_fp8_scales(const Fp8Format& format, int64_t first_row, int64_t columns,
                      std::span<const float> scales, std::span<float> values) {
  const int64_t per_row = (columns + format.block_columns - 1) / format.block_columns;
  if (values.empty()) return;
  const auto num_rows = static_cast<int64_t>(values.size()) / columns;
  for (int64_t r = 0; r < num_rows; ++r) {
    const float* scale = scales.data() + (first_row + r) / format.block_rows * per_row;
    float* row = values.data() + r * columns;
    for (int64_t begin = 0; begin < columns; begin += format.block_columns) {
      const int64_t end = std::min(begin + format.block_columns, columns);
      for (int64_t c = begin; c < end; ++c) row[c] *= *scale;
      ++scale;
    }
  }
}

float fp8_block_scale(std::span<const std::span<const float>> rows) {
  const float largest = largest_of(rows);
  if (largest == 0.0F) return 1.0F;
  constexpr float kTiny = std::numeric_limits<float>::min();
  const float plain = std::max(largest / kLargest, kTiny);
  // Bit patterns of the positive E4M3 numbers, from 448 down.
  for (uint8_t bits = 0x7E; bits > 0; --bits) {
    const float q = f8_e4m3_to_f32(bits);
    const float near = largest / q;
    for (const float t : {near, std::nextafter(near, 0.0F), std::nextafter(near, INFINITY)}) {
      if (t >= kTiny && t <= std::numeric_limits<float>::max() && q * t == largest &&
          is_on_grid(rows, t)) {
        return t;
      }
    }
  }
  return plain;
}

}  // namespace gradus::policy
