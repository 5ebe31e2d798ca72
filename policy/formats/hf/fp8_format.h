#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/formats/expected_tensors.h"

namespace gradus::policy {

class ConfigFields;

/// FP8 weights as DeepSeek-V3's checkpoints hold them (its README_WEIGHTS.md): a matrix X.weight of
/// dtype F8_E4M3 [out, in], and X.weight_scale_inv [ceil(out / rows), ceil(in / columns)] with one
/// scale per block; blocks at the edges are partial.
///
///   value = fp8 * scale_inv    (whatever the name says)
struct Fp8Format {
  int64_t block_rows = 128;
  int64_t block_columns = 128;
};

/// The scales' name is the weight's with this behind it.
inline constexpr std::string_view kFp8ScaleEnding = "_scale_inv";

/// Reads config.json's quantization_config; nothing where there is none.
/// @throws gradus::FileError  bad_config: another quant_method, fmt or activation_scheme, and block
///                            sizes that are no two positive whole numbers.
std::optional<Fp8Format> read_fp8_format(const ConfigFields& config);

/// The quantization_config of checkpoints in this format.
nlohmann::json fp8_quantization_config(const Fp8Format& format);

/// [rows, columns] of the scales of a matrix [out, in].
std::vector<int64_t> fp8_scale_shape(const Fp8Format& format, std::span<const int64_t> shape);

/// Whether DeepSeek-V3 keeps a role's matrices in FP8: all projections of attention, feed-forwards
/// and experts; not embedding, head, router and eh_proj (its 3.3.1). Norms and biases never are.
bool is_fp8_role(TensorRole role);

/// Multiplies rows [first_row, ...) of a matrix, read as plain E4M3 numbers, by their scales.
/// @param values   whole rows of [out, in].
/// @param columns  in.
/// @param scales   of the whole matrix.
void apply_fp8_scales(const Fp8Format& format, int64_t first_row, int64_t columns,
                      std::span<const float> scales, std::span<float> values);

/// The scale of one block of weights:
///
///   s = max|x| / 448, rounded to float32; 1 for a block of zeros
///
/// unless the block lies on an FP8 grid already, i.e. x = float32(q * t) for one t and E4M3 numbers
/// q: then t, so that writing dequantised FP8 weights gives their bytes and scales again. (Of
/// several such t the one with max|q| = 448 is taken, and of those s, before its neighbours.)
/// Quantised values are E4M3(x / scale), to nearest with ties to even.
///
/// @param rows  the block's rows, each of the same length; finite.
float fp8_block_scale(std::span<const std::span<const float>> rows);

}  // namespace gradus::policy
