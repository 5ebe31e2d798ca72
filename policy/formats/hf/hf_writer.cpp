#include "policy/formats/hf/hf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/hf/fp8_writer.h"
#include "policy/formats/hf/shared_copies.h"
#include "policy/formats/hf/staged_directory.h"
#include "policy/formats/model_config.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "policy/formats/tensor_info.h"
#include "policy/formats/tensor_names.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kMaxExtraBytes = int64_t{1} << 30;

/// How each tensor of a checkpoint is stored.
class Storage {
 public:
  Storage(const HfCheckpoint& checkpoint, const ModelConfig& config) : dtype_(checkpoint.dtype) {
    if (dtype_ == DType::F8_E4M3) fp8_ = config.fp8.value_or(Fp8Format{});
    for (const TensorSpec& spec : expected_tensors(config)) {
      if (spec.role == TensorRole::router_bias) float32_.insert(spec.name);
      if (fp8_ && !spec.is_bias && is_fp8_role(spec.role)) quantised_.insert(spec.name);
    }
  }

  const std::optional<Fp8Format>& fp8() const { return fp8_; }
  /// Of the tensors that are not quantised.
  DType plain() const { return fp8_ ? DType::BF16 : dtype_; }

  /// The tensor, and its scales where it is quantised.
  std::vector<RawTensor> tensors(const FloatTensor& tensor) const {
    if (float32_.count(tensor.name) > 0) return {narrow(tensor, DType::F32)};
    if (quantised_.count(tensor.name) == 0) return {narrow(tensor, plain())};
    Fp8Tensors parts = quantise_fp8(tensor, *fp8_);
    return {std::move(parts.weight), std::move(parts.scales)};
  }

 private:
  DType dtype_;
  std::optional<Fp8Format> fp8_;
  std::set<std::string> float32_;
  std::set<std::string> quantised_;
};

nlohmann::json config_of(nlohmann::json config, const Storage& storage) {
  const DType dtype = storage.plain();
  const char* name = dtype == DType::F32 ? "float32" : dtype == DType::F16 ? "float16" : "bfloat16";
  // transformers 5 writes `dtype`, 4 and llama.cpp's converter read `torch_dtype`.
  const bool is_new = config.contains("dtype") || config.contains("rope_parameters");
  config[is_new ? "dtype" : "torch_dtype"] = name;
  config.erase("quantization_config");
  if (storage.fp8()) config["quantization_config"] = fp8_quantization_config(*storage.fp8());
  return config;
}

uint64_t bytes_of(const RawTensor& tensor) {
  const auto elements = shape_elements(tensor.shape);
  const auto bytes = elements ? dtype_num_bytes(tensor.dtype, *elements) : std::nullopt;
  if (!bytes) {
    throw ArgumentError(fmt::format("tensor \"{}\": the shape {} overflows", tensor.name,
                                    shape_text(tensor.shape)));
  }
  return *bytes;
}

using Shard = std::vector<RawTensor>;

struct Plan {
  std::vector<Shard> shards;
  uint64_t total_bytes = 0;
  uint64_t total_elements = 0;
};

/// The tensors given, without a tied head, and with the copies that others read a prediction module
/// by.
std::vector<FloatTensor> tensors_to_write(const HfCheckpoint& checkpoint,
                                          const ModelConfig& config) {
  std::map<std::string, const FloatTensor*> by_name;
  std::vector<FloatTensor> tensors;
  const std::string head = tensor_name(config, TensorRole::head);
  for (const FloatTensor& tensor : checkpoint.tensors) {
    if (config.tie_word_embeddings && tensor.name == head) continue;
    by_name[tensor.name] = &tensor;
    tensors.push_back(tensor);
  }
  for (const SharedCopy& copy : shared_copies(config)) {
    const auto original = by_name.find(copy.original);
    // A module that the config promises and the checkpoint lacks has no copies either.
    const bool has_module = by_name.count(copy.module) > 0;
    if (by_name.count(copy.name) > 0 || original == by_name.end() || !has_module) continue;
    tensors.push_back(*original->second);
    tensors.back().name = copy.name;
  }
  return tensors;
}

Plan plan_shards(const HfCheckpoint& checkpoint, const ModelConfig& config,
                 const Storage& storage) {
  Plan plan;
  plan.shards.emplace_back();
  uint64_t shard_bytes = 0;
  for (const FloatTensor& tensor : tensors_to_write(checkpoint, config)) {
    std::vector<RawTensor> stored = storage.tensors(tensor);
    uint64_t bytes = 0;
    for (const RawTensor& part : stored) bytes += bytes_of(part);
    if (shard_bytes > 0 && shard_bytes + bytes > checkpoint.max_shard_bytes) {
      plan.shards.emplace_back();
      shard_bytes = 0;
    }
    std::move(stored.begin(), stored.end(), std::back_inserter(plan.shards.back()));
    shard_bytes += bytes;
    plan.total_bytes += bytes;
    plan.total_elements += shape_elements(tensor.shape).value_or(0);
  }
  return plan;
}

void write_shard(const fs::path& path, Shard shard) {
  write_safetensors(path, std::move(shard), {{"format", "pt"}});
}

void write_weights(const fs::path& directory, Plan plan) {
  if (plan.shards.size() == 1) {
    return write_shard(directory / "model.safetensors", std::move(plan.shards.front()));
  }
  nlohmann::json index;
  index["metadata"] = {{"total_size", plan.total_bytes}, {"total_parameters", plan.total_elements}};
  for (size_t i = 0; i < plan.shards.size(); ++i) {
    const std::string file =
        fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, plan.shards.size());
    for (const RawTensor& tensor : plan.shards[i]) index["weight_map"][tensor.name] = file;
    write_shard(directory / file, std::move(plan.shards[i]));
  }
  write_file_atomically(directory / "model.safetensors.index.json", index.dump(2) + "\n");
}

void write_extras(const fs::path& directory, const HfCheckpoint& checkpoint) {
  for (const auto& [name, content] : checkpoint.extra_texts) {
    if (fs::path(name).filename() != name) {
      throw ArgumentError("extra file \"" + name + "\" is not a plain name");
    }
    write_file_atomically(directory / name, content);
  }
  for (const fs::path& file : checkpoint.extra_files) {
    write_file_atomically(directory / file.filename(), read_file(file, kMaxExtraBytes));
  }
}

}  // namespace

void write_hf_checkpoint(const fs::path& directory, const HfCheckpoint& checkpoint) {
  const ModelConfig config = parse_model_config(checkpoint.config, "config.json");
  const Storage storage(checkpoint, config);
  StagedDirectory staged(directory, checkpoint.replace);
  write_extras(staged.staging(), checkpoint);
  write_file_atomically(staged.staging() / "config.json",
                        config_of(checkpoint.config, storage).dump(2) + "\n");
  write_weights(staged.staging(), plan_shards(checkpoint, config, storage));
  staged.commit();
}

}  // namespace gradus::policy
