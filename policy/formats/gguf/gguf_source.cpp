#include "policy/formats/gguf/gguf_source.h"

#include "policy/formats/gguf/gguf_config.h"
#include "policy/formats/gguf/gguf_names.h"

namespace gradus::policy {

std::unique_ptr<GgufSource> GgufSource::open(const std::filesystem::path& file) {
  return std::unique_ptr<GgufSource>(new GgufSource(GgufFile::open(file)));
}

GgufSource::GgufSource(GgufFile file)
    : file_(std::move(file)),
      config_path_(file_.path().string()),
      config_(parse_model_config(hf_config_from_gguf(file_), config_path_)) {
  const auto specs = tensors_by_gguf_name(config_);
  for (const TensorInfo& info : file_.tensors()) {
    if (info.name == kGgufRopeFreqs) continue;  // in the config already
    TensorInfo renamed = info;
    Stored stored{info.name, 0};
    if (const auto it = specs.find(info.name); it != specs.end()) {
      renamed.name = it->second.name;
      // A tensor of another shape is reported by check_tensors; its rows cannot be ordered.
      if (info.shape == it->second.shape) {
        stored.interleaved_heads = interleaved_heads(config_, it->second);
      }
    }
    stored_.emplace(renamed.name, std::move(stored));
    std::string name = renamed.name;
    tensors_.emplace(std::move(name), std::move(renamed));
  }
}

void GgufSource::read_values(const TensorInfo& info, std::span<float> out) const {
  const Stored& stored = stored_.at(info.name);
  file_.read_f32(stored.gguf_name, out);
  if (stored.interleaved_heads == 0) return;
  deinterleave_rows(out, stored.interleaved_heads, config_.head_dim);
}

}  // namespace gradus::policy
