#include "policy/convert_checkpoint.h"

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

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;

DType dtype_named(const std::string& name, const ModelConfig& config, CheckpointFormat format) {
  const bool is_gguf = format == CheckpointFormat::gguf;
  if (name.empty()) return config.fp8 && !is_gguf ? DType::F8_E4M3 : config.dtype;
  if (name == "f32" || name == "float32") return DType::F32;
  if (name == "f16" || name == "float16") return DType::F16;
  if (name == "bf16" || name == "bfloat16") return DType::BF16;
  if (name == "q8_0" && is_gguf) return DType::Q8_0;
  if (name == "fp8" && !is_gguf) return DType::F8_E4M3;
  throw ArgumentError(
      fmt::format("--dtype: is {}, must be {}", name,
                  is_gguf ? "f32, bf16, f16 or q8_0" : "f32, bf16, f16 or fp8; q8_0 is GGUF's"));
}

/// Reads tensors of a checkpoint piece by piece, holding the last one.
class TensorWindow {
 public:
  explicit TensorWindow(const CheckpointSource& source) : source_(source) {}

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
  const CheckpointSource& source_;
  std::string name_;
  std::vector<float> values_;
};

std::vector<FloatTensor> tensors_of(const CheckpointSource& source, const ModelConfig& config) {
  check_tensors(config, source);
  auto window = std::make_shared<TensorWindow>(source);
  std::vector<FloatTensor> tensors;
  for (const auto& spec : expected_tensors(config)) {
    tensors.push_back(
        {spec.name, spec.shape, [window, name = spec.name](int64_t first, std::span<float> out) {
           window->read(name, first, out);
         }});
  }
  return tensors;
}

/// Weighted sums of the tensors of several checkpoints, a piece at a time.
std::vector<FloatTensor> averaged_tensors(
    const std::vector<std::unique_ptr<CheckpointSource>>& sources,
    const std::vector<double>& weights, const ModelConfig& config) {
  std::vector<std::vector<FloatTensor>> parts;
  for (const auto& source : sources) parts.push_back(tensors_of(*source, config));
  std::vector<FloatTensor> tensors;
  for (size_t tensor = 0; tensor < parts.front().size(); ++tensor) {
    std::vector<FloatTensor> same;
    for (const auto& part : parts) same.push_back(part[tensor]);
    tensors.push_back({same.front().name, same.front().shape,
                       [same, weights](int64_t first, std::span<float> out) {
                         std::vector<float> part(out.size());
                         std::vector<double> sum(out.size(), 0.0);
                         for (size_t i = 0; i < same.size(); ++i) {
                           same[i].read(first, part);
                           for (size_t j = 0; j < part.size(); ++j)
                             sum[j] += weights[i] * static_cast<double>(part[j]);
                         }
                         for (size_t j = 0; j < sum.size(); ++j)
                           out[j] = static_cast<float>(sum[j]);
                       }});
  }
  return tensors;
}

/// The tokenizer beside a checkpoint; empty, with a note, when there is none: weights alone can be
/// converted too. One that cannot be read is left behind with a note in a folder, where its files
/// can be copied by hand, and refused for GGUF.
std::optional<LoadedTokenizer> tokenizer_of(const fs::path& path, bool is_gguf,
                                            std::vector<std::string>& notes) {
  try {
    return load_checkpoint_tokenizer(path);
  } catch (const FileError& error) {
    const bool is_unknown = error.kind() == "invalid_tokenizer" && !is_gguf;
    if (error.kind() != "tokenizer_missing" && !is_unknown) throw;
    notes.push_back(std::string("no tokenizer is written: ") + error.what());
    return std::nullopt;
  }
}

void write_gguf(const CheckpointSource& source, const ModelConfig& config,
                const std::optional<LoadedTokenizer>& tokenizer, const ConversionTarget& target) {
  GgufCheckpoint out;
  out.config = config;
  out.tensors = tensors_of(source, config);
  out.dtype = dtype_named(target.dtype, config, target.format);
  out.name = target.path.stem().string();
  if (tokenizer) out.tokenizer = gguf_tokenizer_entries(*tokenizer, config.vocab_size);
  write_gguf_checkpoint(target.path, out);
}

/// Tokenizer and generation config, as they lie beside the checkpoint.
void add_companions(const CheckpointSource& source, const std::optional<LoadedTokenizer>& tokenizer,
                    HfCheckpoint& out) {
  if (tokenizer)
    for (const auto& file : tokenizer->tokenizer->source_files())
      out.extra_texts[file.name] = file.contents;
  const auto& generation = source.generation_config();
  if (!generation.is_null()) out.extra_texts["generation_config.json"] = generation.dump(2) + "\n";
}

void write_hugging_face(const CheckpointSource& source, const ModelConfig& config,
                        const std::optional<LoadedTokenizer>& tokenizer,
                        const ConversionTarget& target) {
  HfCheckpoint out;
  out.config = config.raw;
  out.tensors = tensors_of(source, config);
  out.dtype = dtype_named(target.dtype, config, target.format);
  add_companions(source, tokenizer, out);
  write_hf_checkpoint(target.path, out);
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
  const auto source = open_checkpoint(from);
  const auto config = load_model_config(*source);
  std::vector<std::string> notes = source->warnings();
  const auto tokenizer = tokenizer_of(from, is_gguf, notes);
  if (is_gguf) {
    write_gguf(*source, config, tokenizer, target);
  } else {
    write_hugging_face(*source, config, tokenizer, target);
  }
  return notes;
}

std::vector<std::string> average_checkpoints(const std::vector<WeightedCheckpoint>& parts,
                                             const fs::path& target, const std::string& dtype) {
  if (parts.empty()) throw ArgumentError("there is no checkpoint to average");
  std::vector<std::unique_ptr<CheckpointSource>> sources;
  std::vector<double> weights;
  std::vector<std::string> notes;
  for (const WeightedCheckpoint& part : parts) {
    sources.push_back(open_checkpoint(part.path.string()));
    weights.push_back(part.weight);
    const auto warnings = sources.back()->warnings();
    notes.insert(notes.end(), warnings.begin(), warnings.end());
  }
  const auto config = load_model_config(*sources.front());
  for (size_t i = 1; i < sources.size(); ++i) {
    const std::string path = parts[i].path.string();
    for (const auto& spec : expected_tensors(config))
      if (!sources[i]->tensors().contains(spec.name) ||
          sources[i]->info(spec.name).shape != sources.front()->info(spec.name).shape)
        throw FileError(path, "shape_mismatch",
                        fmt::format("has no {} of the shape that {} has; only checkpoints of one "
                                    "model can be averaged",
                                    spec.name, parts.front().path.string()));
  }
  HfCheckpoint out;
  out.config = config.raw;
  out.tensors = averaged_tensors(sources, weights, config);
  out.dtype = dtype_named(dtype, config, CheckpointFormat::hugging_face);
  out.replace = true;
  add_companions(*sources.front(), tokenizer_of(parts.front().path, false, notes), out);
  write_hf_checkpoint(target, out);
  return notes;
}

}  // namespace gradus::policy
