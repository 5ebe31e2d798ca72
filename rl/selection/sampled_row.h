#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rollout/records.h"

namespace gradus::rl {

/// A completion of a prompt with its grades: a line of samples.jsonl, or of the rows that were
/// selected from it. As JSON it is a row that `sft` reads as it stands,
///
///   {<columns of the data row>, "prompt": "...", "response": "...", "source": "...",
///    "provenance": {"prompt_id", "index", "finish", "num_tokens", "reward", "scores": {rule: x},
///                   "pass_rate", "num_samples", "length_range", ...}}
///
/// with "messages" (the last is the assistant's) in place of prompt and response where the prompt
/// was a chat. Rows of other programs may lack the provenance: what a filter does not know of a
/// row, it does not hold against it.
struct SampledRow {
  std::string prompt;       ///< as the policy read it
  nlohmann::json messages;  ///< the prompt's chat, or null for plain text
  std::string response;
  std::string source;  ///< where the prompt comes from; statistics are kept for each
  nlohmann::json columns = nlohmann::json::object();  ///< of the data row, for reward rules

  std::string prompt_id;
  int64_t index = 0;   ///< among the prompt's samples
  std::string finish;  ///< "stop", "length"; empty: unknown
  int64_t num_tokens = -1;
  std::optional<double> reward;
  std::map<std::string, double> scores;  ///< by rule; those that did not score are absent
  std::optional<double> pass_rate;       ///< of the prompt, over all its samples
  int64_t num_samples = 0;
  /// Lengths that were usual among all samples of the source; of a row that was selected.
  std::optional<std::pair<int64_t, int64_t>> length_range;
  nlohmann::json origin = nlohmann::json::object();  ///< further keys of the provenance
};

nlohmann::json to_row(const SampledRow& row);

/// @param where  begins the errors. @throws FileError  neither prompt and response nor messages.
SampledRow read_sampled_row(const nlohmann::ordered_json& json, const std::string& where);

/// All rows of a JSONL file. @throws FileError
std::vector<SampledRow> read_sampled_rows(const std::string& path);

/// Whole or not at all. @throws FileError
void write_sampled_rows(const std::string& path, const std::vector<SampledRow>& rows);

/// What a person asked, without the marks of a chat template: the text, or the contents of the
/// chat's messages, one a line.
std::string plain_text(const rollout::Prompt& prompt);

/// The order in which selection looks at rows, whatever order they came in: by prompt, index and
/// text.
bool comes_before(const SampledRow& left, const SampledRow& right);

}  // namespace gradus::rl
