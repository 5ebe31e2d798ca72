#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/families/family.h"
#include "policy/formats/hf/hf_writer.h"
#include "policy/formats/hf/score_head_name.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "policy/model/companions.h"
#include "policy/model/decoder.h"
#include "policy/weights/peft/adapted_checkpoint.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;

FloatTensor tensor_of(const std::string& name, const at::Tensor& value) {
  const auto host = value.detach().to(at::kCPU).contiguous();
  return {name, host.sizes().vec(), [host](int64_t first, std::span<float> out) {
            std::copy_n(host.data_ptr<float>() + first, out.size(), out.data());
          }};
}

/// What the file holds beside the trained products.
RawTensor copy_of(const SafetensorsFile& file, const TensorInfo& info) {
  std::vector<std::byte> bytes(info.num_bytes);
  file.read_raw(info.name, bytes);
  return {info.name, info.dtype, info.shape,
          [bytes = std::move(bytes)](uint64_t first, std::span<std::byte> out) {
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(first), out.size(),
                        out.begin());
          }};
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

/// Whether a token's id is none, or one that ends a text.
bool is_end_token(const nlohmann::json& config, const nlohmann::json& id) {
  if (!id.is_number_integer()) return true;
  const auto ends = config.value("eos_token_id", nlohmann::json());
  if (!ends.is_array()) return ends == id;
  return std::ranges::find(ends, id) != ends.end();
}

/// A model with a scalar head is a classifier of one label, any other a causal language model.
void name_architecture(nlohmann::json& config, const ModelConfig& model, bool has_score_head) {
  std::string name(family_of(model).architecture);
  if (!has_score_head) {
    config["architectures"] = {name};
    for (const char* key : {"num_labels", "id2label", "label2id"}) config.erase(key);
    return;
  }
  if (name.ends_with(kCausalSuffix)) name.resize(name.size() - kCausalSuffix.size());
  config["architectures"] = {name + std::string(kClassifierSuffix)};
  config["id2label"] = {{"0", "reward"}};
  config["label2id"] = {{"reward", 0}};
  // transformers reads the last token that is no padding: were that the end token, it would read
  // the one before it. Behind the end any other token will do.
  if (is_end_token(config, config.value("pad_token_id", nlohmann::json()))) {
    const auto begin = config.value("bos_token_id", nlohmann::json());
    config["pad_token_id"] =
        is_end_token(config, begin) ? (is_end_token(config, 0) ? 1 : 0) : begin.get<int64_t>();
  }
}

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
  const bool has_score_head =
      std::ranges::any_of(parameters_, [](const Parameter& p) { return p.name == kScoreHeadName; });
  if (has_score_head || is_classifier(model_.raw))
    name_architecture(out.config, model_, has_score_head);
  out.dtype = config_.precision == Precision::bfloat16 ? DType::BF16 : DType::F32;
  out.replace = true;
  std::shared_ptr<const CheckpointSource> base;
  if (!config_.path.empty()) {
    base = adapted_.empty() ? open_checkpoint(config_.path)
                            : open_policy_checkpoint(config_, LiveProducts::linear_layers).source;
    add_companions(out, *base, config_.lora.path);
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
  std::set<std::string> trained;
  for (const auto& parameter : parameters_) {
    tensors.push_back(narrow(tensor_of(parameter.name, parameter.value), DType::F32));
    trained.insert(parameter.name);
  }
  nlohmann::json config = adapter_config_json(config_.lora, config_.path);
  if (!config_.lora.path.empty()) {
    const AdapterFile file(config_.lora.path);
    config = file.config().raw;
    config["base_model_name_or_path"] = config_.path;
    config["inference_mode"] = true;
    for (const TensorInfo& info : file.tensors().tensors()) {
      if (trained.count(info.name) == 0) tensors.push_back(copy_of(file.tensors(), info));
    }
  }
  write_safetensors(dir / "adapter_model.safetensors", std::move(tensors), {{"format", "pt"}});
  write_file_atomically(dir / "adapter_config.json", config.dump(2) + "\n");
}

}  // namespace gradus::policy
