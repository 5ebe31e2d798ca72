#pragma once

#include <string>
#include <vector>

namespace gradus::policy::kernels {

/// Instruction sets this build and this processor both have, best first: of "avx512_bf16",
/// "avx512", "avx2" and "generic"; the last is always there.
std::vector<std::string> available_instruction_sets();

/// Makes every kernel use one set from now on; null: the best again. Panels of PackedMatrix stay
/// valid, as their layout is the same everywhere. For tests: not while a kernel runs.
/// @throws gradus::ArgumentError  the set is not available here.
void set_instruction_set_for_testing(const char* name);

}  // namespace gradus::policy::kernels
