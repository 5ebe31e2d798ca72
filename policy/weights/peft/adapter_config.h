#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/policy_config.h"

namespace gradus::policy {

/// Modules by name, as PEFT's configs name them: a module is named by its whole path or by the end
/// of it behind a dot; or one regular expression that must match the whole path.
struct ModuleNames {
  std::vector<std::string> names;
  std::optional<std::string> regex;

  bool empty() const { return names.empty() && !regex; }
};

/// A pattern and the number that it gives to the modules it matches.
using NumberPattern = std::pair<std::string, double>;

/// Rows of an embedding or head that an adapter replaces. @see AdapterConfig::token_rows
struct TokenRows {
  std::string module;  ///< the end of its path; empty: the embedding
  std::vector<int64_t> rows;
};

/// adapter_config.json of a LoRA adapter: every key that changes what the adapter computes.
struct AdapterConfig {
  std::string path;    ///< of the file, for messages
  nlohmann::json raw;  ///< the whole document, to be saved again

  int64_t rank = 8;
  double alpha = 8.0;
  bool scales_by_root = false;               ///< use_rslora: alpha / sqrt(rank)
  std::vector<NumberPattern> rank_patterns;  ///< in the file's order: the first that matches counts
  std::vector<NumberPattern> alpha_patterns;

  ModuleNames targets;
  bool targets_all_linear = false;  ///< "all-linear": every linear layer but the head
  ModuleNames excluded;
  std::vector<int64_t> layers;  ///< layers_to_transform; empty: all
  std::vector<std::string> layer_patterns;
  std::vector<std::string> parameters;  ///< target_parameters
  std::vector<std::string> saved;       ///< modules_to_save
  std::vector<TokenRows> token_rows;    ///< trainable_token_indices
  bool ensures_tying = false;           ///< ensure_weight_tying
};

/// @throws gradus::FileError  bad_config: a field of another type or out of range; a field that is
///     set and asks for what is not LoRA alone (use_dora, layer_replication, init_lora_weights that
///     change the base, ...) or that is not known here, by name.
AdapterConfig read_adapter_config(const std::filesystem::path& file);

/// adapter_config.json for fresh adapters of this shape over the base at `base_path`.
nlohmann::json adapter_config_json(const LoraConfig& config, const std::string& base_path);

}  // namespace gradus::policy
