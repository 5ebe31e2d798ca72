#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "policy/formats/safetensors/safetensors.h"
#include "policy/policy_config.h"

namespace gradus::policy {

/// Adapters in PEFT's format: adapter_config.json and adapter_model.safetensors.
class AdapterFile {
 public:
  /// @throws FileError  a file is absent or damaged, or the adapters are not plain LoRA.
  explicit AdapterFile(const std::filesystem::path& dir);

  /// Sets rank, alpha and targets to those of the files.
  void configure(LoraConfig& config) const;

  /// @throws FileError  the tensor is absent or has another shape.
  void read(const std::string& name, const std::vector<int64_t>& shape, std::span<float> out) const;

 private:
  LoraConfig config_;
  SafetensorsFile tensors_;
};

/// adapter_config.json for adapters of this shape over the base at `base_path`.
nlohmann::json adapter_config_json(const LoraConfig& config, const std::string& base_path);

}  // namespace gradus::policy
