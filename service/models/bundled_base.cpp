// The bundled base lies in the program itself: one binary and an empty folder are enough to begin.
#include <filesystem>
#include <string_view>

#include "base/bundled_file.h"
#include "base/files/atomic_file.h"
#include "service/models/model_host.h"

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

}  // namespace

void write_bundled_base(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  const BundledFile files[] = {
      {"config.json", bundled(gradus_nano_config, gradus_nano_config_end)},
      {"tokenizer.json", bundled(gradus_nano_tokenizer, gradus_nano_tokenizer_end)},
      {"tokenizer_config.json",
       bundled(gradus_nano_tokenizer_config, gradus_nano_tokenizer_config_end)},
      {"model.safetensors", bundled(gradus_nano_weights, gradus_nano_weights_end)},
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
