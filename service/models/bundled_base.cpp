// The bundled base lies in the program itself: one binary and an empty folder are enough to begin.
#include <filesystem>
#include <string_view>

#include "base/files/atomic_file.h"
#include "service/models/model_host.h"

// GRADUS_BUNDLED_FILE(symbol, "path"): the file's bytes between symbol and symbol_end.
#define GRADUS_BUNDLED_FILE(symbol, path)                                                        \
  __asm__(".section .rodata\n.global " #symbol "\n.global " #symbol "_end\n.balign 16\n" #symbol \
          ":\n.incbin \"" path "\"\n" #symbol                                                    \
          "_end:\n"                                                                              \
          ".byte 0\n.previous\n");                                                               \
  extern "C" const char symbol[];                                                                \
  extern "C" const char symbol##_end[]

GRADUS_BUNDLED_FILE(gradus_nano_config, GRADUS_NANO_BASE "/config.json");
GRADUS_BUNDLED_FILE(gradus_nano_weights, GRADUS_NANO_BASE "/model.safetensors");
GRADUS_BUNDLED_FILE(gradus_nano_tokenizer, GRADUS_NANO_TOKENIZER "/tokenizer.json");
GRADUS_BUNDLED_FILE(gradus_nano_tokenizer_config, GRADUS_NANO_TOKENIZER "/tokenizer_config.json");

namespace gradus::service {
namespace {

struct BundledFile {
  const char* name;
  std::string_view bytes;
};

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

void write_bundled_base(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  const BundledFile files[] = {
      {"config.json", between(gradus_nano_config, gradus_nano_config_end)},
      {"tokenizer.json", between(gradus_nano_tokenizer, gradus_nano_tokenizer_end)},
      {"tokenizer_config.json",
       between(gradus_nano_tokenizer_config, gradus_nano_tokenizer_config_end)},
      {"model.safetensors", between(gradus_nano_weights, gradus_nano_weights_end)},
  };
  fs::create_directories(folder);
  for (const auto& [name, bytes] : files) {
    const fs::path path = folder / name;
    std::error_code is_missing;
    if (fs::file_size(path, is_missing) == bytes.size() && !is_missing) continue;
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
  }
}

}  // namespace gradus::service
