#pragma once

#include <map>
#include <string>

#include "policy/weights/peft/adapter_file.h"

namespace gradus::policy {

/// The two sides of one low-rank product, as tensors of the file; empty: not there.
struct LoraSides {
  std::string a;
  std::string b;
  std::string b_bias;  ///< lora_bias
};

/// What an adapter's file holds for one module, each as the name of a tensor of the file.
struct ModuleTensors {
  /// By how many wrappers of other parameters stand around it: 0 but for experts of which several
  /// parameters are adapted.
  std::map<int, LoraSides> products;
  LoraSides embedding;  ///< lora_embedding_A, _B: of an embedding, transposed
  std::string token_rows;
  std::map<std::string, std::string> values;       ///< by parameter: the module's own, "weight"
  std::map<std::string, std::string> base_values;  ///< of the base layer below an adapter
};

/// All tensors of the file by module, "model.layers.0.self_attn.q_proj". Left out is what PEFT
/// saves beside and never reads: the original of a saved module, and a second copy of it.
/// @throws gradus::FileError  unsupported_tensor: one that no LoRA adapter has, by name; a second
///                            copy that is another.
std::map<std::string, ModuleTensors> tensors_by_module(const AdapterFile& file);

}  // namespace gradus::policy
