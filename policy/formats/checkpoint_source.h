#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/formats/tensor_info.h"

namespace gradus::policy {

class GgufFile;

/// A checkpoint of any format, seen as Hugging Face would lay it out: its config.json, and tensors
/// under Hugging Face's names, shapes and values. Const functions may run on several threads.
class CheckpointSource {
 public:
  virtual ~CheckpointSource() = default;

  /// What was opened: a directory or a file.
  virtual const std::filesystem::path& path() const = 0;

  virtual const std::map<std::string, TensorInfo>& tensors() const = 0;

  /// config.json, or its equivalent made from GGUF's keys.
  virtual const nlohmann::json& config() const = 0;
  /// Where it came from, for messages.
  virtual const std::string& config_path() const = 0;
  /// generation_config.json; null when there is none.
  virtual const nlohmann::json& generation_config() const = 0;

  /// The GGUF file behind it, whose metadata holds the tokenizer; null for other formats.
  virtual const GgufFile* gguf() const { return nullptr; }

  /// Oddities that do not stop a load, one line each.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// Reads a whole tensor as float32 (dequantised, verified against its checksum where there is
  /// one).
  /// @param out  [num_elements]
  /// @throws gradus::FileError  tensor_missing, checksum_mismatch, checkpoint_truncated,
  ///     inexact_weights; nonfinite_weights (naming the first) unless allowed.
  void read_f32(std::string_view name, std::span<float> out,
                NonFinite nonfinite = NonFinite::refuse) const;

  /// @throws gradus::FileError  tensor_missing.
  const TensorInfo& info(std::string_view name) const;

  /// Whether two tensors have one shape and the same values. Reads both.
  bool are_equal(std::string_view left, std::string_view right) const;

 protected:
  virtual void read_values(const TensorInfo& info, std::span<float> out) const = 0;
  /// The file that holds a tensor, for messages.
  virtual std::string file_of(const TensorInfo& info) const = 0;

  std::vector<std::string> warnings_;
};

/// Opens, by what `path` is:
///   - a directory with model.safetensors, or with model.safetensors.index.json and its shards;
///   - a directory with exactly one .gguf;
///   - a .gguf, .safetensors or index file itself.
/// Pickle files (.bin, .pt, .pth, .ckpt, .pkl) are never opened: they can run code.
///
/// @throws gradus::FileError  missing, no_weights (naming what is there), ambiguous_weights,
///     pickle_refused, config_missing, bad_shard_name, link_outside, shard_missing, tensor_missing,
///     and what the formats throw.
std::unique_ptr<CheckpointSource> open_checkpoint(const std::filesystem::path& path);

}  // namespace gradus::policy
