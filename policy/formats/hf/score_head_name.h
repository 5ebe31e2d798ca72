#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gradus::policy {

/// The tensor [1, hidden] that makes a checkpoint a reward model: the head of transformers'
/// *ForSequenceClassification with one label.
inline constexpr std::string_view kScoreHeadName = "score.weight";

/// What such a checkpoint's architecture is called: LlamaForCausalLM's is
/// LlamaForSequenceClassification.
inline constexpr std::string_view kCausalSuffix = "ForCausalLM";
inline constexpr std::string_view kClassifierSuffix = "ForSequenceClassification";

/// Whether a config.json is one of them.
inline bool is_classifier(const nlohmann::json& config) {
  const auto names = config.find("architectures");
  if (names == config.end() || !names->is_array() || names->empty() || !(*names)[0].is_string())
    return false;
  return (*names)[0].get<std::string>().ends_with(kClassifierSuffix);
}

}  // namespace gradus::policy
