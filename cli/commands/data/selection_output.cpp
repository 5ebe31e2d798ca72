#include "cli/commands/data/selection_output.h"

#include <fmt/format.h>

#include <ostream>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "rl/selection/sampled_row.h"
#include "rollout/prompts/prompt_row.h"

namespace gradus::cli {

std::vector<std::string> prompts_of(const std::vector<std::string>& files) {
  std::vector<std::string> prompts;
  rollout::RowRules rules;
  rules.as_chat = true;
  for (const auto& file : files) {
    LineReader reader(file);
    while (const auto line = reader.next()) {
      auto row = rollout::read_row(parse_exact_json(line->text, reader.where()), rules);
      if (!row.problem.empty()) throw FileError(reader.where(), "bad_row", row.problem);
      rollout::Prompt prompt;
      prompt.text = row.text;
      if (!row.chat.messages.is_null()) prompt.messages = row.chat.messages;
      prompts.push_back(rl::plain_text(prompt));
    }
  }
  return prompts;
}

void say_counts(const rl::SelectionCounts& counts, bool as_json, Session& session) {
  if (as_json) {
    nlohmann::json dropped = nlohmann::json::object();
    for (const auto& [reason, count] : counts.dropped) dropped[reason] = count;
    session.out << dump_json({{"input", counts.input}, {"kept", counts.kept}, {"dropped", dropped}})
                << "\n";
    return;
  }
  std::string text = fmt::format("rows: {} in, {} kept", counts.input, counts.kept);
  const char* before = "; left out: ";
  for (const auto& [reason, count] : counts.dropped) {
    if (count == 0) continue;
    text += fmt::format("{}{} {}", before, count, reason);
    before = ", ";
  }
  session.out << text << "\n";
}

}  // namespace gradus::cli
