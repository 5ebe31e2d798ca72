#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "policy/formats/safetensors/safetensors.h"
#include "policy/weights/peft/adapter_config.h"

namespace gradus::policy {

/// An adapter in PEFT's format: adapter_config.json and adapter_model.safetensors of one folder.
class AdapterFile {
 public:
  /// @throws FileError  a file is absent, damaged or a link out of the folder; as
  ///                    read_adapter_config.
  explicit AdapterFile(const std::filesystem::path& dir);

  const AdapterConfig& config() const { return config_; }
  const SafetensorsFile& tensors() const { return tensors_; }
  std::string path() const { return tensors_.path().string(); }

  /// @param shape  that the tensor must have.
  /// @throws FileError  tensor_missing, tensor_mismatch, nonfinite_weights.
  void read(const std::string& name, const std::vector<int64_t>& shape, std::span<float> out) const;

 private:
  AdapterConfig config_;
  SafetensorsFile tensors_;
};

}  // namespace gradus::policy
