#include "cli/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/error.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/gguf/gguf_checkpoint.h"
#include "policy/formats/hf/hf_writer.h"
#include "policy/formats/model_config.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

policy::DType dtype_named(const std::string& name, const policy::ModelConfig& config,
                          CheckpointFormat format) {
  const bool is_gguf = format == CheckpointFormat::gguf;
  if (name.empty()) return config.fp8 && !is_gguf ? policy::DType::F8_E4M3 : config.dtype;
  if (name == "f32" || name == "float32") return policy::DType::F32;
  if (name == "f16" || name == "float16") return policy::DType::F16;
  if (name == "bf16" || name == "bfloat16") return policy::DType::BF16;
  if (name == "q8_0" && is_gguf) return policy::DType::Q8_0;
  if (name == "fp8" && !is_gguf) return policy::DType::F8_E4M3;
  throw ArgumentError(
      fmt::format("--dtype: is {}, must be {}", name,
                  is_gguf ? "f32, bf16, f16 or q8_0" : "f32, bf16, f16 or fp8; q8_0 is GGUF's"));
}

/// Reads tensors of a checkpoint piece by piece, holding the last one.
class TensorWindow {
 public:
  explicit TensorWindow(const policy::CheckpointSource& source) : source_(source) {}

  void read(const std::string& name, int64_t first, std::span<float> out) {
    if (name != name_) {
      values_.resize(source_.info(name).num_elements);
      name_.clear();
      source_.read_f32(name, values_);
      name_ = name;
    }
    std::copy_n(values_.begin() + first, out.size(), out.begin());
  }

 private:
  const policy::CheckpointSource& source_;
  std::string name_;
  std::vector<float> values_;
};

std::vector<policy::FloatTensor> tensors_of(const policy::CheckpointSource& source,
                                            const policy::ModelConfig& config) {
  policy::check_tensors(config, source);
  auto window = std::make_shared<TensorWindow>(source);
  std::vector<policy::FloatTensor> tensors;
  for (const auto& spec : policy::expected_tensors(config)) {
    tensors.push_back(
        {spec.name, spec.shape, [window, name = spec.name](int64_t first, std::span<float> out) {
           window->read(name, first, out);
         }});
  }
  return tensors;
}

/// The tokenizer beside a checkpoint; empty, with a note, when there is none: weights alone can be
/// converted too. One that cannot be read is left behind with a note in a folder, where its files
/// can be copied by hand, and refused for GGUF.
std::optional<policy::LoadedTokenizer> tokenizer_of(const fs::path& path, bool is_gguf,
                                                    std::vector<std::string>& notes) {
  try {
    return policy::load_checkpoint_tokenizer(path);
  } catch (const FileError& error) {
    const bool is_unknown = error.kind() == "invalid_tokenizer" && !is_gguf;
    if (error.kind() != "tokenizer_missing" && !is_unknown) throw;
    notes.push_back(std::string("no tokenizer is written: ") + error.what());
    return std::nullopt;
  }
}

void write_gguf(const policy::CheckpointSource& source, const policy::ModelConfig& config,
                const std::optional<policy::LoadedTokenizer>& tokenizer,
                const ConversionTarget& target) {
  policy::GgufCheckpoint out;
  out.config = config;
  out.tensors = tensors_of(source, config);
  out.dtype = dtype_named(target.dtype, config, target.format);
  out.name = target.path.stem().string();
  if (tokenizer) out.tokenizer = policy::gguf_tokenizer_entries(*tokenizer, config.vocab_size);
  policy::write_gguf_checkpoint(target.path, out);
}

void write_hugging_face(const policy::CheckpointSource& source, const policy::ModelConfig& config,
                        const std::optional<policy::LoadedTokenizer>& tokenizer,
                        const ConversionTarget& target) {
  policy::HfCheckpoint out;
  out.config = config.raw;
  out.tensors = tensors_of(source, config);
  out.dtype = dtype_named(target.dtype, config, target.format);
  if (tokenizer) {
    for (const auto& file : tokenizer->tokenizer->source_files()) {
      out.extra_texts[file.name] = file.contents;
    }
  }
  const auto& generation = source.generation_config();
  if (!generation.is_null()) out.extra_texts["generation_config.json"] = generation.dump(2) + "\n";
  policy::write_hf_checkpoint(target.path, out);
}

}  // namespace

CheckpointFormat format_of(const fs::path& path) {
  return path.extension() == ".gguf" ? CheckpointFormat::gguf : CheckpointFormat::hugging_face;
}

std::vector<std::string> convert_checkpoint(const fs::path& from, const ConversionTarget& target) {
  const bool is_gguf = target.format == CheckpointFormat::gguf;
  if (is_gguf && fs::exists(target.path)) {
    throw FileError(target.path.string(), "already_exists", "exists; name another file");
  }
  const auto source = policy::open_checkpoint(checkpoint_path(from));
  const auto config = policy::load_model_config(*source);
  std::vector<std::string> notes = source->warnings();
  const auto tokenizer = tokenizer_of(from, is_gguf, notes);
  if (is_gguf) {
    write_gguf(*source, config, tokenizer, target);
  } else {
    write_hugging_face(*source, config, tokenizer, target);
  }
  return notes;
}

}  // namespace gradus::cli
