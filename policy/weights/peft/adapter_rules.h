#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/tokenizer/regex.h"
#include "policy/weights/peft/adapter_config.h"

namespace gradus::policy {

/// Which modules and parameters an adapter's config speaks of, and the rank and scale of each;
/// decided as PEFT decides it. Modules are named as transformers names them:
/// "model.layers.0.self_attn.q_proj".
class AdapterRules {
 public:
  /// @throws gradus::FileError  bad_config: a pattern that is no regular expression, by key.
  explicit AdapterRules(const AdapterConfig& config);

  /// Whether the module gets LoRA.
  /// @param is_head  "all-linear" leaves it out.
  bool targets(const std::string& module, bool is_head) const;
  /// Whether the parameter does: "model.layers.0.mlp.experts.down_proj".
  bool targets_parameter(const std::string& parameter) const;
  /// Whether the module, or one that it is part of, is in modules_to_save.
  bool saves(const std::string& module) const;

  /// @param key  of a module, or of a parameter.
  int64_t rank(const std::string& key) const;
  /// alpha / rank, or alpha / sqrt(rank).
  float scale(const std::string& key) const;

 private:
  struct Pattern {
    Regex regex;
    double value;
  };

  Regex compile(const char* key, const std::string& pattern) const;
  std::vector<Pattern> compile(const char* key, const std::vector<NumberPattern>& patterns) const;
  bool is_in_layers(const std::string& module) const;
  bool is_excluded(const std::string& module) const;

  const AdapterConfig& config_;
  std::vector<Regex> targets_;  // at most one, as the next
  std::vector<Regex> excluded_;
  std::vector<Regex> saved_;
  std::vector<Regex> layers_;
  std::vector<Pattern> ranks_;
  std::vector<Pattern> alphas_;
};

}  // namespace gradus::policy
