#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/formats/expected_tensors.h"
#include "policy/formats/model_config.h"

namespace gradus::policy {

class ConfigFields;
class GgufFile;

/// One model family: what its config.json means and which tensors follow from it. A new family is
/// one file beside this one, declared below, and one line in registry.cpp.
struct Family {
  std::string_view model_type;    // config.json's model_type
  std::string_view architecture;  // config.json's architectures
  std::string_view gguf_arch;     // general.architecture; empty: not in GGUF

  /// Fills every field of the config but raw, token ids and dtype.
  void (*read_config)(const ConfigFields& fields, ModelConfig& config);

  /// Appends the tensors a checkpoint must hold, in the order of the forward pass.
  void (*append_tensors)(const ModelConfig& config, std::vector<TensorSpec>& tensors);

  /// llama.cpp stores the rows of q and k for rope on neighbouring components.
  bool gguf_interleaves_rope = false;

  /// Adds to a config.json made from GGUF keys what only this family spells.
  void (*complete_hf_config)(const GgufFile& gguf, nlohmann::json& config) = nullptr;
};

extern const Family kLlama;
extern const Family kQwen2;
extern const Family kQwen3;

std::span<const Family* const> families();

/// @throws gradus::FileError  unsupported_architecture, listing the known ones.
const Family& family_of_config(const nlohmann::json& config, const std::string& where);
const Family& family_of_gguf(std::string_view arch, const std::string& where);
/// Of a config that was read before.
const Family& family_of(const ModelConfig& config);

}  // namespace gradus::policy
