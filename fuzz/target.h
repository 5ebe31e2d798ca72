#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// One fuzz target: runs the code under test on any bytes and aborts when a promise is broken.
/// libFuzzer calls it (clang, option GRADUS_FUZZ); so does replay.cpp, with any compiler.
/// @return 0, as libFuzzer wants it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace gradus::fuzz {

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the process where a promise is broken, in every kind of build.
void require(bool holds, const char* promise);

}  // namespace gradus::fuzz
