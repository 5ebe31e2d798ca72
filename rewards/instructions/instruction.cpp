#include "rewards/instructions/instruction.h"

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {

#define GRADUS_RECORD(instruction) extern const InstructionRecord instruction;
#include "rewards/instructions/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const InstructionRecord* kInstructions[] = {
#define GRADUS_RECORD(instruction) &instruction,
#include "rewards/instructions/records.inc"
#undef GRADUS_RECORD
};

bool follows(const InstructionCheck& check, std::string_view response) {
  return !stripped(response).empty() && check(response);
}

std::string without_asterisks(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (c != '*') kept += c;
  }
  return kept;
}

std::string_view without_first_line(std::string_view text) {
  const size_t end = text.find('\n');
  return end == std::string_view::npos ? "" : text.substr(end + 1);
}

std::string_view without_last_line(std::string_view text) {
  const size_t end = text.rfind('\n');
  return end == std::string_view::npos ? "" : text.substr(0, end);
}

}  // namespace

InstructionCheck make_instruction(const std::string& id, const nlohmann::json& kwargs) {
  for (const InstructionRecord* instruction : kInstructions) {
    if (id != instruction->id) continue;
    try {
      return instruction->make(InstructionArguments(kwargs));
    } catch (const ArgumentError& error) {
      throw ArgumentError(id + ": " + error.what());
    }
  }
  const auto nearest = nearest_name(id, instruction_ids());
  throw ArgumentError("\"" + printable(id, 100) + "\" is not an instruction that can be checked" +
                      (nearest ? "; did you mean \"" + *nearest + "\"?" : ""));
}

std::vector<std::string> instruction_ids() {
  std::vector<std::string> ids;
  for (const InstructionRecord* instruction : kInstructions) ids.emplace_back(instruction->id);
  return ids;
}

bool is_followed(const InstructionCheck& check, std::string_view response, bool is_loose) {
  if (follows(check, response)) return true;
  if (!is_loose) return false;
  const auto first_off = without_first_line(response);
  for (const auto variant : {response, stripped(first_off), stripped(without_last_line(response)),
                             stripped(without_last_line(first_off))}) {
    if (follows(check, variant) || follows(check, without_asterisks(variant))) return true;
  }
  return false;
}

}  // namespace gradus::rewards
