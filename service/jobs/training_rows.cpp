#include "service/jobs/training_rows.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "base/printable.h"
#include "rollout/prompts/prompt_row.h"

namespace gradus::service {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string fault_of_chat(const OrderedJson& messages, const char* last_role) {
  rollout::RowRules rules;
  rules.as_chat = true;
  OrderedJson row{{"messages", messages}};
  const auto read = rollout::read_row(std::move(row), rules);
  if (!read.problem.empty()) return read.problem;
  const auto role = read.chat.messages.back().at("role").get<std::string>();
  if (role == last_role) return "";
  return fmt::format("the last message's role is '{}', must be '{}'", printable(role, 40),
                     last_role);
}

std::string fault_of_pair(const OrderedJson& row) {
  if (!row.contains("input") || !row["input"].is_object() || !row["input"].contains("messages"))
    return "it has no input.messages";
  for (const char* key : {"preferred_output", "non_preferred_output"}) {
    if (!row.contains(key)) return fmt::format("it has no {}", key);
    if (row[key].is_array() && row[key].size() != 1)
      return fmt::format("{}: has {} messages, must have one, the assistant's", key,
                         row[key].size());
    if (const auto fault = fault_of_chat(row[key], "assistant"); !fault.empty())
      return fmt::format("{}: {}", key, fault);
  }
  return fault_of_chat(row["input"]["messages"], "user");
}

std::string fault_of_row(const OrderedJson& row, TrainingMethod method) {
  if (!row.is_object()) return "it is not an object";
  if (method == TrainingMethod::dpo) return fault_of_pair(row);
  if (!row.contains("messages")) return "it has no messages";
  return fault_of_chat(row["messages"],
                       method == TrainingMethod::supervised ? "assistant" : "user");
}

}  // namespace

TrainingRows check_training_rows(const std::filesystem::path& path, TrainingMethod method) {
  TrainingRows rows;
  int64_t line_number = 1;
  try {
    LineReader reader(path);
    while (const auto line = reader.next()) {
      line_number = line->number;
      ++rows.count;
      rows.bytes += std::ssize(line->text);
      OrderedJson row;
      try {
        row = OrderedJson::parse(line->text);
      } catch (const std::exception&) {
        rows.fault = fmt::format("line {}: it is not JSON", line_number);
        return rows;
      }
      if (const auto fault = fault_of_row(row, method); !fault.empty()) {
        rows.fault = fmt::format("line {}: {}", line_number, fault);
        return rows;
      }
    }
  } catch (const FileError& error) {
    rows.fault = fmt::format("line {}: {}", line_number, error.kind());
  }
  if (rows.count == 0) rows.fault = "line 1: the file has no rows";
  return rows;
}

}  // namespace gradus::service
