#pragma once

#include <optional>
#include <span>
#include <vector>

#include "policy/formats/rope.h"

namespace gradus::policy {

/// What rope_freqs.weight holds for a llama3 rope, as llama.cpp's converter computes it: the
/// divisor of each pair's frequency.
/// @param dim  components rotated per head.
std::vector<float> llama3_divisors(const RopeConfig& rope, int64_t dim);

/// The llama3 parameters behind a rope_freqs.weight, which GGUF does not keep: those of `hint` if
/// they fit, else Llama 3's own (low 1, high 4, original 8192), else solved from the divisors
/// between 1 and the largest. Nothing when no parameters reproduce all divisors to 1e-5.
/// @param hint  theta, and guesses for the rest.
std::optional<RopeConfig> fit_llama3(std::span<const float> divisors, const RopeConfig& hint);

}  // namespace gradus::policy
