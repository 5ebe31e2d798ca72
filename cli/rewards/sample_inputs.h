#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/rewards/reward_samples.h"
#include "policy/checkpoint_tokenizer.h"
#include "rewards/reward_rule.h"

namespace gradus::cli {

/// Tokens of the samples, where the recipe's tokenizer can be read.
class SampleTokens {
 public:
  explicit SampleTokens(const std::filesystem::path& tokenizer);

  std::vector<int32_t> of(const std::string& text) const;
  /// Why there are none; empty: there are.
  const std::string& note() const { return note_; }

 private:
  std::optional<policy::LoadedTokenizer> loaded_;
  std::string note_;
};

/// The samples of a row as rules are given them. Row and samples must outlive it.
struct SampleInputs {
  std::vector<std::vector<int32_t>> ids;
  std::vector<rewards::RewardInput> inputs;

  SampleInputs(const nlohmann::json& row, const std::vector<RewardSample>& samples,
               const SampleTokens& tokens);
  SampleInputs(const SampleInputs&) = delete;
  SampleInputs& operator=(const SampleInputs&) = delete;
};

}  // namespace gradus::cli
