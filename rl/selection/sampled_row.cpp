#include "rl/selection/sampled_row.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/files/atomic_file.h"
#include "base/files/data_format.h"
#include "base/files/jsonl.h"
#include "base/json.h"

namespace gradus::rl {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string text_at(const ordered_json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<double> number_at(const ordered_json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

int64_t integer_at(const ordered_json& object, const char* key, int64_t otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}

constexpr const char* kProvenance = "provenance";
const std::vector<std::string> kKnownProvenance{"prompt_id",  "index",       "finish",
                                                "num_tokens", "reward",      "scores",
                                                "pass_rate",  "num_samples", "length_range"};

void read_provenance(const ordered_json& of, SampledRow& row) {
  row.prompt_id = text_at(of, "prompt_id");
  row.index = integer_at(of, "index", 0);
  row.finish = text_at(of, "finish");
  row.num_tokens = integer_at(of, "num_tokens", -1);
  row.reward = number_at(of, "reward");
  row.pass_rate = number_at(of, "pass_rate");
  row.num_samples = integer_at(of, "num_samples", 0);
  if (const auto scores = of.find("scores"); scores != of.end() && scores->is_object())
    for (const auto& [rule, score] : scores->items())
      if (score.is_number()) row.scores[rule] = score.get<double>();
  if (const auto range = of.find("length_range");
      range != of.end() && range->is_array() && range->size() == 2 &&
      (*range)[0].is_number_integer() && (*range)[1].is_number_integer())
    row.length_range = {(*range)[0].get<int64_t>(), (*range)[1].get<int64_t>()};
  for (const auto& [key, value] : of.items())
    if (std::ranges::find(kKnownProvenance, key) == kKnownProvenance.end()) row.origin[key] = value;
}

std::string contents_of(const json& messages) {
  std::string text;
  for (const auto& message : messages)
    if (message.is_object() && message.contains("content") && message["content"].is_string())
      text += (text.empty() ? "" : "\n") + message["content"].get_ref<const std::string&>();
  return text;
}

bool is_own_column(const std::string& key) {
  return key == "prompt" || key == "response" || key == "completion" || key == "messages" ||
         key == "source" || key == kProvenance;
}

json provenance_of(const SampledRow& row) {
  json of{{"prompt_id", row.prompt_id}, {"index", row.index}};
  if (!row.finish.empty()) of["finish"] = row.finish;
  if (row.num_tokens >= 0) of["num_tokens"] = row.num_tokens;
  if (row.reward) of["reward"] = *row.reward;
  if (!row.scores.empty()) of["scores"] = row.scores;
  if (row.pass_rate) of["pass_rate"] = *row.pass_rate;
  if (row.num_samples > 0) of["num_samples"] = row.num_samples;
  if (row.length_range) of["length_range"] = {row.length_range->first, row.length_range->second};
  for (const auto& [key, value] : row.origin.items()) of[key] = value;
  return of;
}

}  // namespace

json to_row(const SampledRow& row) {
  json out = json::object();
  for (const auto& [key, value] : row.columns.items())
    if (!is_own_column(key)) out[key] = value;
  if (row.messages.is_null()) {
    out["prompt"] = row.prompt;
    out["response"] = row.response;
  } else {
    out["messages"] = row.messages;
    out["messages"].push_back({{"role", "assistant"}, {"content", row.response}});
  }
  if (!row.source.empty()) out["source"] = row.source;
  out[kProvenance] = provenance_of(row);
  return out;
}

SampledRow read_sampled_row(const ordered_json& json, const std::string& where) {
  if (!json.is_object()) throw FileError(where, "bad_row", "is no JSON object");
  SampledRow row;
  for (const auto& [key, value] : json.items())
    if (!is_own_column(key)) row.columns[key] = value;
  row.source = text_at(json, "source");
  if (const auto of = json.find(kProvenance); of != json.end() && of->is_object())
    read_provenance(*of, row);
  const auto chat = json.find("messages");
  if (chat != json.end() && chat->is_array() && chat->size() > 1 && chat->back().is_object() &&
      text_at(chat->back(), "role") == "assistant") {
    row.messages = *chat;
    row.response = text_at(chat->back(), "content");
    row.messages.erase(row.messages.size() - 1);
    row.prompt = contents_of(row.messages);
    return row;
  }
  const bool has_prompt = json.contains("prompt") && json["prompt"].is_string();
  row.prompt = text_at(json, has_prompt ? "prompt" : "question");
  row.response = text_at(json, json.contains("response") ? "response" : "completion");
  if (row.prompt.empty() || (!json.contains("response") && !json.contains("completion")))
    throw FileError(where, "bad_row",
                    "has neither `prompt` and `response` nor `messages` that end with the "
                    "assistant's");
  return row;
}

std::vector<SampledRow> read_sampled_rows(const std::string& path) {
  refuse_other_formats(path);
  std::vector<SampledRow> rows;
  LineReader reader(path);
  while (const auto line = reader.next())
    rows.push_back(read_sampled_row(parse_exact_json(line->text, reader.where()), reader.where()));
  return rows;
}

void write_sampled_rows(const std::string& path, const std::vector<SampledRow>& rows) {
  AtomicFile file(path);
  for (const SampledRow& row : rows) file.write(dump_json(to_row(row)) + "\n");
  file.commit();
}

std::string plain_text(const rollout::Prompt& prompt) {
  return prompt.messages.is_array() ? contents_of(prompt.messages) : prompt.text;
}

bool comes_before(const SampledRow& left, const SampledRow& right) {
  return std::tie(left.source, left.prompt_id, left.prompt, left.index, left.response) <
         std::tie(right.source, right.prompt_id, right.prompt, right.index, right.response);
}

}  // namespace gradus::rl
