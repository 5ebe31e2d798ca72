#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "policy/formats/tensor_data.h"

namespace gradus::policy {

/// A model to be written as a directory in Hugging Face's layout.
struct HfCheckpoint {
  nlohmann::json config;  // config.json; dtype and quantization_config are set to fit `dtype`
  std::vector<FloatTensor> tensors;  // under Hugging Face's names
  /// F32, F16 or BF16; F8_E4M3: projections in FP8 (fp8_format.h) in blocks of the config's
  /// weight_block_size or 128 x 128, the rest in BF16. Router biases are F32 always.
  DType dtype = DType::BF16;
  uint64_t max_shard_bytes = 5'000'000'000;
  std::vector<std::filesystem::path> extra_files;  // copied under their own names
  std::map<std::string, std::string> extra_texts;  // file name -> content, e.g. made tokenizers
  bool replace = false;                            // an existing directory gives way, whole
};

/// Writes config.json, the extra files and model.safetensors, or shards and their index when one
/// file would pass max_shard_bytes. A tied model is saved without lm_head.weight; prediction
/// modules get the copies of embedding and head that DeepSeek-V3's checkpoints hold, as others read
/// a module by itself.
///
/// Everything is written into a hidden directory beside `directory`, made durable and then renamed,
/// so that `directory` is complete or as it was. With `replace` the two change places in one step
/// and the old one is removed.
///
/// @throws gradus::FileError  already_exists (not empty, and `replace` is not set), disk_full,
///                            nonfinite_weights, a missing extra file.
void write_hf_checkpoint(const std::filesystem::path& directory, const HfCheckpoint& checkpoint);

}  // namespace gradus::policy
