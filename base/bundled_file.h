#pragma once

#include <string_view>

// GRADUS_BUNDLED_FILE(symbol, "path"): the file's bytes lie in the program, between symbol and
// symbol_end. The .cpp that says so names the file among its OBJECT_DEPENDS. Outside namespaces.
#define GRADUS_BUNDLED_FILE(symbol, path)                                                        \
  __asm__(".section .rodata\n.global " #symbol "\n.global " #symbol "_end\n.balign 16\n" #symbol \
          ":\n.incbin \"" path "\"\n" #symbol                                                    \
          "_end:\n"                                                                              \
          ".byte 0\n.previous\n");                                                               \
  extern "C" const char symbol[];                                                                \
  extern "C" const char symbol##_end[]

namespace gradus {

/// The bytes of a bundled file.
inline std::string_view bundled(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace gradus
