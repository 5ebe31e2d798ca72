#include "cli/rewards/sample_inputs.h"

#include "base/error.h"
#include "cli/rewards/reward_case.h"

namespace gradus::cli {

SampleTokens::SampleTokens(const std::filesystem::path& tokenizer) {
  try {
    loaded_ = policy::load_checkpoint_tokenizer(tokenizer);
  } catch (const Error& error) {
    // Most rules read text alone; those that do not will say that they skipped.
    note_ = std::string("rules that count tokens cannot be checked: ") + error.what();
  }
}

std::vector<int32_t> SampleTokens::of(const std::string& text) const {
  return loaded_ ? loaded_->tokenizer->encode(text) : std::vector<int32_t>();
}

SampleInputs::SampleInputs(const nlohmann::json& row, const std::vector<RewardSample>& samples,
                           const SampleTokens& tokens) {
  rewards::RewardInput input;
  input.row = &row;
  for (const char* key : {"question", "prompt"}) {
    const auto text = row.find(key);
    if (text == row.end() || !text->is_string()) continue;
    input.prompt = text->get_ref<const std::string&>();
  }
  input.messages = chat_of(row);
  ids.reserve(samples.size());
  for (const auto& sample : samples) {
    ids.push_back(tokens.of(sample.text));
    input.completion = sample.text;
    input.completion_ids = ids.back();
    inputs.push_back(input);
  }
}

}  // namespace gradus::cli
