#pragma once

#include <functional>
#include <optional>
#include <set>

#include "policy/formats/checkpoint_source.h"
#include "policy/formats/hf/fp8_format.h"
#include "policy/formats/safetensors/safetensors.h"

namespace gradus::policy {

/// A directory in Hugging Face's layout. The scales of FP8 weights (fp8_format.h) are not among its
/// tensors: the weights are read multiplied by them. Opening throws gradus::FileError
/// scales_missing for FP8 weights without scales, and bad_scales for scales of another shape or
/// dtype (F32, BF16 and, where scale_fmt is ue8m0, F8_E8M0 are read) or without FP8 weights;
/// reading throws bad_scales for a scale that is not finite and positive.
class HfSource final : public CheckpointSource {
 public:
  /// One safetensors file with config.json beside it.
  static std::unique_ptr<HfSource> open_single(const std::filesystem::path& file);

  /// Shards listed by model.safetensors.index.json. A listed file name must be a plain name in the
  /// same directory that exists; no file may be a link out of it (contained_file.h). Every listed
  /// tensor must lie in its file; tensors that are not listed are left out with a warning.
  static std::unique_ptr<HfSource> open_sharded(const std::filesystem::path& index);

  const std::filesystem::path& path() const override { return directory_; }
  const std::map<std::string, TensorInfo>& tensors() const override { return tensors_; }
  const nlohmann::json& config() const override { return config_; }
  const std::string& config_path() const override { return config_path_; }
  const nlohmann::json& generation_config() const override { return generation_config_; }

 protected:
  void read_values(const TensorInfo& info, std::span<float> out) const override;
  std::string file_of(const TensorInfo& info) const override;

 private:
  explicit HfSource(std::filesystem::path directory);
  void add_shard(const std::string& file, const std::map<std::string, std::string>& weight_map);
  void check_total_size(const nlohmann::json& index);
  void pair_scales();
  void check_scales(const TensorInfo& scales) const;
  std::vector<float> read_scales(const std::string& name) const;

  std::filesystem::path directory_;
  std::string config_path_;
  nlohmann::json config_;
  nlohmann::json generation_config_;
  std::optional<Fp8Format> fp8_;
  std::set<std::string, std::less<>> scaled_;  // tensors that have scales
  std::vector<SafetensorsFile> files_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, size_t, std::less<>> file_index_;
};

}  // namespace gradus::policy
