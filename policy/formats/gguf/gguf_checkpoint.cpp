#include "policy/formats/gguf/gguf_checkpoint.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/gguf/gguf_config.h"
#include "policy/formats/gguf/gguf_names.h"
#include "policy/formats/gguf/gguf_rope.h"
#include "policy/formats/gguf/gguf_writer.h"

namespace gradus::policy {
namespace {

/// Serves the file's row order from a reader of Hugging Face's, row by row.
FloatReader interleaved(FloatReader source, int64_t head_dim, int64_t columns) {
  return [source = std::move(source), head_dim, columns](int64_t first, std::span<float> out) {
    while (!out.empty()) {
      const int64_t row = first / columns;
      const int64_t column = first % columns;
      const auto part = out.first(std::min<size_t>(out.size(), columns - column));
      source(hf_row_of(row, head_dim) * columns + column, part);
      first += static_cast<int64_t>(part.size());
      out = out.subspan(part.size());
    }
  };
}

void check_complete(const ModelConfig& config, const std::vector<FloatTensor>& tensors) {
  std::map<std::string, TensorInfo> infos;
  for (const FloatTensor& tensor : tensors) {
    TensorInfo info;
    info.name = tensor.name;
    info.shape = tensor.shape;
    infos.emplace(tensor.name, std::move(info));
  }
  const TensorReport report = compare_tensors(config, infos);
  if (!report.ok()) throw ArgumentError("the weights do not fit their config: " + report.text());
}

}  // namespace

void write_gguf_checkpoint(const std::filesystem::path& path, const GgufCheckpoint& checkpoint) {
  const ModelConfig& config = checkpoint.config;
  GgufEntries entries = gguf_entries_of(config, checkpoint.name, checkpoint.dtype);
  check_complete(config, checkpoint.tensors);
  std::map<std::string, const FloatTensor*> by_name;
  for (const FloatTensor& tensor : checkpoint.tensors) by_name[tensor.name] = &tensor;

  std::vector<FloatTensor> tensors;
  const auto divisors = config.rope.kind == RopeKind::llama3
                            ? llama3_divisors(config.rope, config.head_dim)
                            : std::vector<float>{};
  if (!divisors.empty()) {
    tensors.push_back(float_tensor(std::string(kGgufRopeFreqs), {config.head_dim / 2}, divisors));
  }
  for (const TensorSpec& spec : expected_tensors(config)) {
    FloatTensor tensor = *by_name.at(spec.name);
    tensor.name = gguf_tensor_name(spec);
    if (interleaved_heads(config, spec) > 0) {
      const int64_t columns = spec.is_bias ? 1 : spec.shape.back();
      tensor.read = interleaved(std::move(tensor.read), config.head_dim, columns);
    }
    tensors.push_back(std::move(tensor));
  }
  entries.insert(entries.end(), checkpoint.tokenizer.begin(), checkpoint.tokenizer.end());
  write_gguf_file(path, entries, tensors, checkpoint.dtype);
}

}  // namespace gradus::policy
