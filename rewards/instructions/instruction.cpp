#include "rewards/instructions/instruction.h"

#include <array>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "rewards/instructions/makers.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

struct Entry {
  const char* id;
  InstructionCheck (*make)(const InstructionArguments&);
};

constexpr std::array kInstructions{
    Entry{"change_case:capital_word_frequency", make_capital_word_frequency},
    Entry{"change_case:english_capital", make_english_capital},
    Entry{"change_case:english_lowercase", make_english_lowercase},
    Entry{"combination:repeat_prompt", make_repeat_prompt},
    Entry{"combination:two_responses", make_two_responses},
    Entry{"detectable_content:number_placeholders", make_number_placeholders},
    Entry{"detectable_content:postscript", make_postscript},
    Entry{"detectable_format:constrained_response", make_constrained_response},
    Entry{"detectable_format:json_format", make_json_format},
    Entry{"detectable_format:multiple_sections", make_multiple_sections},
    Entry{"detectable_format:number_bullet_lists", make_number_bullet_lists},
    Entry{"detectable_format:number_highlighted_sections", make_number_highlighted_sections},
    Entry{"detectable_format:title", make_title},
    Entry{"keywords:existence", make_existence},
    Entry{"keywords:forbidden_words", make_forbidden_words},
    Entry{"keywords:frequency", make_frequency},
    Entry{"keywords:letter_frequency", make_letter_frequency},
    Entry{"language:response_language", make_response_language},
    Entry{"length_constraints:nth_paragraph_first_word", make_nth_paragraph_first_word},
    Entry{"length_constraints:number_paragraphs", make_number_paragraphs},
    Entry{"length_constraints:number_sentences", make_number_sentences},
    Entry{"length_constraints:number_words", make_number_words},
    Entry{"punctuation:no_comma", make_no_comma},
    Entry{"startend:end_checker", make_end_checker},
    Entry{"startend:quotation", make_quotation},
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
  for (const Entry& entry : kInstructions) {
    if (id != entry.id) continue;
    try {
      return entry.make(InstructionArguments(kwargs));
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
  for (const Entry& entry : kInstructions) ids.emplace_back(entry.id);
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
