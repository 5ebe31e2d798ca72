#include "policy/formats/hf_writer.h"

#include <fmt/format.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "policy/formats/safetensors_writer.h"
#include "policy/formats/staged_directory.h"
#include "policy/formats/tensor_info.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kMaxExtraBytes = int64_t{1} << 30;

nlohmann::json with_dtype(nlohmann::json config, DType dtype) {
  const char* name = dtype == DType::F32 ? "float32" : dtype == DType::F16 ? "float16" : "bfloat16";
  // transformers 5 writes `dtype`, 4 and llama.cpp's converter read `torch_dtype`.
  const bool is_new = config.contains("dtype") || config.contains("rope_parameters");
  config[is_new ? "dtype" : "torch_dtype"] = name;
  return config;
}

uint64_t bytes_of(const FloatTensor& tensor, DType dtype) {
  const auto elements = shape_elements(tensor.shape);
  const auto bytes = elements ? dtype_num_bytes(dtype, *elements) : std::nullopt;
  if (!bytes) {
    throw ArgumentError(fmt::format("tensor \"{}\": the shape {} overflows", tensor.name,
                                    shape_text(tensor.shape)));
  }
  return *bytes;
}

using Shard = std::vector<const FloatTensor*>;

struct Plan {
  std::vector<Shard> shards;
  uint64_t total_bytes = 0;
  uint64_t total_elements = 0;
};

Plan plan_shards(const HfCheckpoint& checkpoint) {
  const auto tied = checkpoint.config.find("tie_word_embeddings");
  const bool is_tied = tied != checkpoint.config.end() && *tied == true;
  Plan plan{{Shard{}}, 0, 0};
  uint64_t shard_bytes = 0;
  for (const FloatTensor& tensor : checkpoint.tensors) {
    if (is_tied && tensor.name == "lm_head.weight") continue;
    const uint64_t bytes = bytes_of(tensor, checkpoint.dtype);
    if (shard_bytes > 0 && shard_bytes + bytes > checkpoint.max_shard_bytes) {
      plan.shards.emplace_back();
      shard_bytes = 0;
    }
    plan.shards.back().push_back(&tensor);
    shard_bytes += bytes;
    plan.total_bytes += bytes;
    plan.total_elements += bytes / dtype_block_bytes(checkpoint.dtype);
  }
  return plan;
}

void write_shard(const fs::path& path, const Shard& shard, DType dtype) {
  std::vector<RawTensor> tensors;
  for (const FloatTensor* tensor : shard) tensors.push_back(narrow(*tensor, dtype));
  write_safetensors(path, std::move(tensors), {{"format", "pt"}});
}

void write_weights(const fs::path& directory, const HfCheckpoint& checkpoint) {
  const Plan plan = plan_shards(checkpoint);
  if (plan.shards.size() == 1) {
    return write_shard(directory / "model.safetensors", plan.shards.front(), checkpoint.dtype);
  }
  nlohmann::json index;
  index["metadata"] = {{"total_size", plan.total_bytes}, {"total_parameters", plan.total_elements}};
  for (size_t i = 0; i < plan.shards.size(); ++i) {
    const std::string file =
        fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, plan.shards.size());
    write_shard(directory / file, plan.shards[i], checkpoint.dtype);
    for (const FloatTensor* tensor : plan.shards[i]) index["weight_map"][tensor->name] = file;
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
  StagedDirectory staged(directory, checkpoint.replace);
  write_extras(staged.staging(), checkpoint);
  const nlohmann::json config = with_dtype(checkpoint.config, checkpoint.dtype);
  write_file_atomically(staged.staging() / "config.json", config.dump(2) + "\n");
  write_weights(staged.staging(), checkpoint);
  staged.commit();
}

}  // namespace gradus::policy
