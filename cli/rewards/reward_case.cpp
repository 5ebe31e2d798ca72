#include "cli/rewards/reward_case.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/printable.h"
#include "rl/collect/grade_record.h"

namespace gradus::cli {
namespace {

using nlohmann::json;

std::string shown(const json& value) {
  return printable(dump_json(value), 60);
}

// A completion as text; a chat's is its last message.
std::string completion_text(const json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  const bool is_chat = value.is_array() && !value.empty() && value.back().is_object() &&
                       value.back().contains("content") && value.back()["content"].is_string();
  if (!is_chat) {
    throw FileError(where, "bad_row", "a completion is neither text nor a list of messages");
  }
  return value.back()["content"].get<std::string>();
}

bool is_list_of_completions(const json& value) {
  return value.is_array() && !value.empty() && (value[0].is_string() || value[0].is_array());
}

void read_completions(RewardCase& test, const std::string& where, const std::string& column) {
  std::vector<std::string> names{"completion", "completions"};
  if (!column.empty()) names = {column};
  for (const auto& name : names) {
    if (!test.row.contains(name)) continue;
    const json& value = test.row[name];
    for (const json& entry : is_list_of_completions(value) ? value : json::array({value})) {
      test.completions.push_back(completion_text(entry, where));
    }
    return;
  }
  throw FileError(where, "bad_row",
                  column.empty() ? "has neither `completion` (text) nor `completions` (texts)"
                                 : "has no `" + column + "`");
}

[[noreturn]] void refuse(const std::string& where, const std::string& key,
                         const std::string& what) {
  throw FileError(where, "bad_row", fmt::format("`{}` {}", key, what));
}

std::vector<int32_t> token_ids(const json& value, const std::string& where,
                               const std::string& key) {
  if (!value.is_array()) refuse(where, key, "is " + shown(value) + ", must be a list of tokens");
  std::vector<int32_t> ids;
  for (const json& id : value) {
    const bool is_token = id.is_number_integer() && id >= 0 && id <= INT32_MAX;
    if (!is_token) {
      refuse(where, key,
             "holds " + shown(id) + ", which is no token (a whole number, 0 to 2147483647)");
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

// The value of a key that is there and not null.
const json* given(const json& row, const std::string& key) {
  const auto found = row.find(key);
  return found == row.end() || found->is_null() ? nullptr : &*found;
}

void read_tokens(RewardCase& test, const std::string& where) {
  if (const json* ids = given(test.row, "completion_ids")) {
    if (ids->is_array() && !ids->empty() && ids->front().is_array()) {
      refuse(where, "completion_ids",
             "holds lists, must be the tokens of one completion; of several write "
             "`completions_ids`");
    }
    test.tokens.push_back(token_ids(*ids, where, "completion_ids"));
  } else if (const json* lists = given(test.row, "completions_ids")) {
    if (!lists->is_array()) {
      refuse(where, "completions_ids", "is " + shown(*lists) + ", must be a list of lists");
    }
    for (const json& list : *lists) {
      test.tokens.push_back(token_ids(list, where, "completions_ids"));
    }
  }
  if (test.tokens.empty() || test.tokens.size() == test.completions.size()) return;
  throw FileError(where, "bad_row",
                  fmt::format("has tokens of {} completions, and {} completions",
                              test.tokens.size(), test.completions.size()));
}

}  // namespace

const nlohmann::json* chat_of(const nlohmann::json& row) {
  for (const char* key : {"messages", "prompt"}) {
    const auto chat = row.find(key);
    if (chat != row.end() && chat->is_array()) return &*chat;
  }
  return nullptr;
}

std::vector<rewards::RewardInput> RewardCase::inputs() const {
  std::vector<rewards::RewardInput> inputs;
  const auto truncated = row.find("truncated");
  for (size_t i = 0; i < completions.size(); ++i) {
    rewards::RewardInput input;
    input.prompt = prompt;
    input.completion = completions[i];
    if (!tokens.empty()) input.completion_ids = tokens[i];
    input.row = &row;
    input.messages = chat_of(row);
    input.truncated = truncated != row.end() && *truncated == true;
    inputs.push_back(input);
  }
  return inputs;
}

RewardCase read_reward_case(std::string_view line, const std::string& where,
                            const std::string& column) {
  RewardCase test{parse_exact_json(line, where), "", {}, {}};
  if (!test.row.is_object()) throw FileError(where, "bad_row", "is not a JSON object");
  for (const char* key : {"prompt", "question"}) {
    if (test.prompt.empty() && test.row.contains(key) && test.row[key].is_string()) {
      test.prompt = test.row[key].get<std::string>();
    }
  }
  read_completions(test, where, column);
  read_tokens(test, where);
  return test;
}

nlohmann::ordered_json graded_json(const rewards::GradedGroup& graded,
                                   const std::vector<std::string>& rule_names, size_t completion) {
  nlohmann::ordered_json grades = nlohmann::ordered_json::object();
  for (size_t rule = 0; rule < rule_names.size(); ++rule) {
    grades[rule_names[rule]] = rl::grade_json(graded.grades[rule][completion]);
  }
  const double reward = graded.rewards[completion];
  nlohmann::ordered_json result;
  result["reward"] =
      std::isnan(reward) ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(reward);
  result["grades"] = std::move(grades);
  return result;
}

std::string json_line(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace gradus::cli
