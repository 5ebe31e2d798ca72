#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "policy/formats/checkpoint_source.h"
#include "policy/policy_config.h"
#include "policy/weights/peft/adapter_plan.h"

namespace gradus::policy {

/// A base under the edits of an adapter's plan, as a checkpoint of its own.
class AdaptedCheckpoint final : public CheckpointSource {
 public:
  /// @param adapter  null where the plan reads no file.
  AdaptedCheckpoint(std::shared_ptr<const CheckpointSource> base,
                    std::shared_ptr<const AdapterFile> adapter, AdapterPlan plan);

  const AdapterPlan& plan() const { return plan_; }
  /// Null where there is none.
  const AdapterFile* adapter() const { return adapter_.get(); }

  /// Reads one side of a live product. @param name  the file's.
  void read_side(const std::string& name, const std::vector<int64_t>& shape,
                 std::span<float> out) const;

  const std::filesystem::path& path() const override { return base_->path(); }
  const std::map<std::string, TensorInfo>& tensors() const override { return tensors_; }
  const nlohmann::json& config() const override { return plan_.config; }
  const std::string& config_path() const override { return base_->config_path(); }
  const nlohmann::json& generation_config() const override { return base_->generation_config(); }
  const GgufFile* gguf() const override { return base_->gguf(); }

 protected:
  void read_values(const TensorInfo& info, std::span<float> out) const override;
  std::string file_of(const TensorInfo& info) const override;

 private:
  void read_replacement(const TensorEdit& edit, std::span<float> out) const;
  void add_product(const LowRankProduct& product, const TensorInfo& info,
                   std::span<float> out) const;
  at::Tensor side(const std::string& name) const;

  std::shared_ptr<const CheckpointSource> base_;
  std::shared_ptr<const AdapterFile> adapter_;
  AdapterPlan plan_;
  std::map<std::string, TensorInfo> tensors_;
};

/// A policy's checkpoint, its tensors checked: config.path, under the edits of the adapter at
/// config.lora.path where there is one, and with a head of its own where fresh adapters are wanted
/// beside a tied one.
struct PolicyCheckpoint {
  std::shared_ptr<const CheckpointSource> source;
  std::shared_ptr<const AdaptedCheckpoint> adapted;  ///< the same; null: as it lies on disk
};

/// @throws gradus::FileError  as open_checkpoint, check_tensors and plan_adapter.
PolicyCheckpoint open_policy_checkpoint(const PolicyConfig& config, LiveProducts live);

}  // namespace gradus::policy
