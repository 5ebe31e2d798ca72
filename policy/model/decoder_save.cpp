#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/hf/hf_writer.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "policy/model/decoder.h"
#include "policy/weights/adapter_files.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;

const char* const kCompanions[] = {"tokenizer.json",
                                   "tokenizer.model",
                                   "tokenizer_config.json",
                                   "special_tokens_map.json",
                                   "added_tokens.json",
                                   "vocab.json",
                                   "merges.txt",
                                   "chat_template.jinja",
                                   "generation_config.json"};

FloatTensor tensor_of(const std::string& name, const at::Tensor& value) {
  const auto host = value.detach().to(at::kCPU).contiguous();
  return {name, host.sizes().vec(), [host](int64_t first, std::span<float> out) {
            std::copy_n(host.data_ptr<float>() + first, out.size(), out.data());
          }};
}

/// What stands beside the weights: the base's tokenizer and generation settings.
void add_companions(HfCheckpoint& out, const CheckpointSource& source) {
  if (source.gguf() != nullptr) {
    for (const auto& file : load_checkpoint_tokenizer(source.path()).tokenizer->source_files()) {
      out.extra_texts[file.name] = file.contents;
    }
    return;
  }
  const auto dir = fs::is_directory(source.path()) ? source.path() : source.path().parent_path();
  for (const char* name : kCompanions) {
    if (fs::is_regular_file(dir / name)) out.extra_files.push_back(dir / name);
  }
}

/// W + scale B A of a frozen base, one tensor at a time.
class MergedTensors {
 public:
  MergedTensors(std::shared_ptr<const CheckpointSource> base,
                std::map<std::string, const Linear*> adapted)
      : base_(std::move(base)), adapted_(std::move(adapted)) {}

  void read(const std::string& name, int64_t first, std::span<float> out) {
    if (name != name_) {
      values_.resize(base_->info(name).num_elements);
      base_->read_f32(name, values_, NonFinite::allow);
      if (const auto found = adapted_.find(name); found != adapted_.end()) add(*found->second);
      name_ = name;
    }
    std::copy_n(values_.data() + first, out.size(), out.data());
  }

 private:
  void add(const Linear& linear) {
    const auto& adapter = *linear.adapter;
    const auto delta =
        adapter.b.value.detach().matmul(adapter.a.value.detach()).mul_(adapter.scale).to(at::kCPU);
    for (size_t i = 0; i < values_.size(); ++i) values_[i] += delta.data_ptr<float>()[i];
  }

  std::shared_ptr<const CheckpointSource> base_;
  std::map<std::string, const Linear*> adapted_;
  std::string name_;
  std::vector<float> values_;
};

}  // namespace

void Decoder::save(const fs::path& dir, bool merged) const {
  if (!merged) return save_adapters(dir);
  if (parameters_.empty()) {
    throw ArgumentError(
        dir.string() +
        ": a policy loaded for inference keeps no weights to save; convert its checkpoint");
  }
  HfCheckpoint out;
  out.config = model_.raw;
  out.dtype = config_.precision == Precision::bfloat16 ? DType::BF16 : DType::F32;
  out.replace = true;
  std::shared_ptr<const CheckpointSource> base;
  if (!config_.path.empty()) {
    base = open_checkpoint(config_.path);
    add_companions(out, *base);
  }
  if (adapted_.empty()) {
    for (const auto& parameter : parameters_)
      out.tensors.push_back(tensor_of(parameter.name, parameter.value));
    for (const auto& buffer : buffers_) out.tensors.push_back(tensor_of(buffer.name, buffer.value));
  } else {
    std::map<std::string, const Linear*> adapted;
    for (const Linear* linear : adapted_) adapted[linear->weight.name] = linear;
    const auto tensors = std::make_shared<MergedTensors>(base, adapted);
    for (const auto& spec : expected_tensors(model_)) {
      out.tensors.push_back({spec.name, spec.shape,
                             [tensors, name = spec.name](int64_t first, std::span<float> values) {
                               tensors->read(name, first, values);
                             }});
    }
  }
  write_hf_checkpoint(dir, out);
}

void Decoder::save_adapters(const fs::path& dir) const {
  if (adapted_.empty())
    throw ArgumentError(dir.string() + ": the policy has no adapters; save its weights");
  fs::create_directories(dir);
  std::vector<RawTensor> tensors;
  for (const auto& parameter : parameters_) {
    tensors.push_back(narrow(tensor_of(parameter.name, parameter.value), DType::F32));
  }
  write_safetensors(dir / "adapter_model.safetensors", std::move(tensors), {{"format", "pt"}});
  write_file_atomically(dir / "adapter_config.json",
                        adapter_config_json(config_.lora, config_.path).dump(2) + "\n");
}

}  // namespace gradus::policy
