#include "cli/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/error.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/gguf.h"
#include "policy/formats/gguf_checkpoint.h"
#include "policy/formats/hf_writer.h"
#include "policy/formats/model_config.h"
#include "policy/tokenizer/load_tokenizer.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

// Files beside the weights that say how to talk to the model.
constexpr std::array kCompanions{
    "tokenizer.json",          "tokenizer.model",     "tokenizer_config.json",
    "special_tokens_map.json", "vocab.json",          "merges.txt",
    "added_tokens.json",       "chat_template.jinja", "chat_template.json",
    "generation_config.json"};

policy::DType dtype_named(const std::string& name, policy::DType own, CheckpointFormat format) {
  const bool is_gguf = format == CheckpointFormat::gguf;
  if (name.empty()) return own;
  if (name == "f32" || name == "float32") return policy::DType::F32;
  if (name == "f16" || name == "float16") return policy::DType::F16;
  if (name == "bf16" || name == "bfloat16") return policy::DType::BF16;
  if (name == "q8_0" && is_gguf) return policy::DType::Q8_0;
  throw ArgumentError(fmt::format(
      "--dtype: is {}, must be {}", name,
      is_gguf ? "f32, bf16, f16 or q8_0" : "f32, bf16 or f16; q8_0 is GGUF's (--format gguf)"));
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

}  // namespace

CheckpointFormat format_of(const fs::path& path) {
  return path.extension() == ".gguf" ? CheckpointFormat::gguf : CheckpointFormat::hugging_face;
}

}  // namespace gradus::cli
