#pragma once

#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/gguf/gguf.h"
#include "policy/formats/model_config.h"

namespace gradus::policy {

/// A GGUF file as a Hugging Face checkpoint: tensors under Hugging Face's names, dequantised when
/// read, llama's query and key rows in Hugging Face's order. Tensors of other names keep them, so
/// that check_tensors can report them.
class GgufSource final : public CheckpointSource {
 public:
  static std::unique_ptr<GgufSource> open(const std::filesystem::path& file);

  const std::filesystem::path& path() const override { return file_.path(); }
  const std::map<std::string, TensorInfo>& tensors() const override { return tensors_; }
  const nlohmann::json& config() const override { return config_.raw; }
  const std::string& config_path() const override { return config_path_; }
  const nlohmann::json& generation_config() const override { return generation_config_; }
  const GgufFile* gguf() const override { return &file_; }

 protected:
  void read_values(const TensorInfo& info, std::span<float> out) const override;
  std::string file_of(const TensorInfo&) const override { return path().string(); }

 private:
  struct Stored {
    std::string gguf_name;
    int64_t interleaved_heads = 0;
  };

  explicit GgufSource(GgufFile file);

  GgufFile file_;
  std::string config_path_;
  ModelConfig config_;
  nlohmann::json generation_config_;  // null: GGUF has none
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, Stored> stored_;
};

}  // namespace gradus::policy
