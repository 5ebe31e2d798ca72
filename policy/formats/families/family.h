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
/// one file beside this one that defines its record, `extern const Family kName`, and one line in
/// records.inc.
struct Family {
  std::string_view model_type;    // config.json's model_type
  std::string_view architecture;  // config.json's architectures
  std::string_view gguf_arch;     // general.architecture; empty: not in GGUF

  /// Fills every field of the config but raw, token ids and dtype.
  void (*read_config)(const ConfigFields& fields, ModelConfig& config);

  /// The checkpoint's name of a tensor, without "model.layers.L." and ".weight"; "{}" in an
  /// expert's stands for its number. Which tensors there are follows from the config
  /// (expected_tensors.h).
  std::string_view (*stem)(TensorRole role);

  /// The flags of config.json that give attention's query, key, value and output, and the dense
  /// feed-forward's three, a bias; null where there is none.
  const char* attention_bias_flag = nullptr;
  const char* mlp_bias_flag = nullptr;

  /// num_nextn_predict_layers means something.
  bool has_mtp = false;

  /// llama.cpp stores the rows of q and k for rope on neighbouring components.
  bool gguf_interleaves_rope = false;

  /// Adds to a config.json made from GGUF keys what only this family spells.
  void (*complete_hf_config)(const GgufFile& gguf, nlohmann::json& config) = nullptr;
};

/// The names that DeepSeek, Llama and Qwen share: "self_attn.q_proj", "mlp.experts.{}.gate_proj".
std::string_view common_stem(TensorRole role);

std::span<const Family* const> families();

/// @throws gradus::FileError  unsupported_architecture, listing the known ones.
const Family& family_of_config(const nlohmann::json& config, const std::string& where);
const Family& family_of_gguf(std::string_view arch, const std::string& where);
/// Of a config that was read before.
const Family& family_of(const ModelConfig& config);

}  // namespace gradus::policy
