#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace gradus::policy {

/// One side of an adapter as PEFT starts it: A uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5), B
/// zero, so that the adapted policy equals the base.
/// @param name  of the tensor, ending in lora_A.weight or lora_B.weight; with the seed it decides
///              the numbers.
/// @param in    columns of A: the width of the layer's input.
void fill_fresh_adapter(uint64_t seed, std::string_view name, int64_t in, std::span<float> out);

}  // namespace gradus::policy
