// keywords:*: which words and letters are there, and how often. Case does not matter.

#include <utf8proc.h>

#include "base/error.h"
#include "base/utf8.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

using Regexes = std::vector<BoundedRegex>;

std::shared_ptr<const Regexes> compile(const std::vector<std::string>& texts,
                                       const std::string& boundary) {
  auto regexes = std::make_shared<Regexes>();
  RegexOptions options;
  options.ignore_case = true;
  for (const auto& text : texts) {
    regexes->emplace_back(boundary + as_pattern(text) + boundary, options);
  }
  return regexes;
}

// Every one of `keywords` is found, within words as well.
InstructionCheck make_existence(const InstructionArguments& arguments) {
  const auto regexes = compile(arguments.texts("keywords"), "");
  return [regexes](std::string_view response) {
    for (const auto& regex : *regexes) {
      if (regex.find(response).matches.empty()) return false;
    }
    return true;
  };
}

// `keyword` is found `frequency` times or more (`relation` at least), or less often (less than).
InstructionCheck make_frequency(const InstructionArguments& arguments) {
  const std::string keyword(stripped(arguments.text("keyword")));
  const auto regexes = compile({keyword}, "");
  const int64_t frequency = arguments.count("frequency");
  const bool is_at_least = arguments.is_at_least("relation");
  return [regexes, frequency, is_at_least](std::string_view response) {
    const int64_t count = count_matches(regexes->front(), response);
    return count >= 0 && (count >= frequency) == is_at_least;
  };
}

// None of `forbidden_words` is there as a word.
InstructionCheck make_forbidden_words(const InstructionArguments& arguments) {
  const auto regexes = compile(arguments.texts("forbidden_words"), "\\b");
  return [regexes](std::string_view response) {
    for (const auto& regex : *regexes) {
      const auto found = regex.find(response);
      if (!found.matches.empty() || found.is_over_budget) return false;
    }
    return true;
  };
}

// `letter`, one character, stands there `let_frequency` times or more, or less often.
InstructionCheck make_letter_frequency(const InstructionArguments& arguments) {
  const std::string letter = lower_case(stripped(arguments.text("letter")));
  if (num_code_points(letter) != 1) throw ArgumentError("letter: must be one letter");
  const int64_t frequency = arguments.count("let_frequency");
  const bool is_at_least = arguments.is_at_least("let_relation");
  return [letter, frequency, is_at_least](std::string_view response) {
    const std::string lower = lower_case(response);
    int64_t count = 0;
    for (size_t at = lower.find(letter); at != std::string::npos;
         at = lower.find(letter, at + letter.size())) {
      ++count;
    }
    return (count >= frequency) == is_at_least;
  };
}

}  // namespace

extern const InstructionRecord kExistenceInstruction{"keywords:existence", make_existence};
extern const InstructionRecord kFrequencyInstruction{"keywords:frequency", make_frequency};
extern const InstructionRecord kForbiddenWordsInstruction{"keywords:forbidden_words",
                                                          make_forbidden_words};
extern const InstructionRecord kLetterFrequencyInstruction{"keywords:letter_frequency",
                                                           make_letter_frequency};

}  // namespace gradus::rewards
