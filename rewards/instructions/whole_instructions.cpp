// combination:*, startend:*, punctuation:*, language:*, change_case:*: the response as a whole.

#include <utf8proc.h>

#include "base/error.h"
#include "base/utf8.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/scores/languages.h"
#include "rewards/scores/sentences.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

// Without letters to tell by, and where another language cannot be made out, the instruction counts
// as followed if the script is the language's (the reference follows langdetect's failures alone).
bool is_in_language(std::string_view text, const Language& wanted) {
  if (const auto code = identify_language(text)) return find_language(*code) == &wanted;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const Script script = script_of(point.value);
    if (script != Script::none && !wanted.uses(script)) return false;
    i += point.num_bytes;
  }
  return true;
}

enum class LetterCase { upper, lower };

// Python's isupper and islower: some letter has a case, and none another.
bool has_case(std::string_view text, LetterCase wanted) {
  const auto right = wanted == LetterCase::upper ? UTF8PROC_CATEGORY_LU : UTF8PROC_CATEGORY_LL;
  bool has_any = false;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    i += point.num_bytes;
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(point.value));
    const bool is_cased = category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
                          category == UTF8PROC_CATEGORY_LT;
    if (is_cased && category != right) return false;
    has_any = has_any || is_cased;
  }
  return has_any;
}

InstructionCheck make_english_case(LetterCase wanted) {
  const Language* english = find_language("en");
  return [english, wanted](std::string_view response) {
    return has_case(response, wanted) && is_in_language(response, *english);
  };
}

// Two parts between `******`, not the same; further marks at the ends only.
InstructionCheck make_two_responses(const InstructionArguments&) {
  return [](std::string_view response) {
    constexpr std::string_view kMark = "******";
    std::vector<std::string_view> answers;
    for (bool is_first = true, is_last = false; !is_last; is_first = false) {
      const size_t end = response.find(kMark);
      is_last = end == std::string_view::npos;
      const auto part = stripped(response.substr(0, end));
      if (part.empty() && !is_first && !is_last) return false;
      if (!part.empty()) answers.push_back(part);
      if (!is_last) response.remove_prefix(end + kMark.size());
    }
    return answers.size() == 2 && answers[0] != answers[1];
  };
}

// It begins with `prompt_to_repeat`, whatever the case.
InstructionCheck make_repeat_prompt(const InstructionArguments& arguments) {
  const std::string prompt = lower_case(stripped(arguments.text("prompt_to_repeat")));
  return [prompt](std::string_view response) {
    return lower_case(stripped(response)).starts_with(prompt);
  };
}

// It ends with `end_phrase`, whatever the case, perhaps within double quotes.
InstructionCheck make_end_checker(const InstructionArguments& arguments) {
  const std::string phrase = lower_case(stripped(arguments.text("end_phrase")));
  return [phrase](std::string_view response) {
    auto text = stripped(response);
    while (text.starts_with('"')) text.remove_prefix(1);
    while (text.ends_with('"')) text.remove_suffix(1);
    return lower_case(text).ends_with(phrase);
  };
}

// All of it stands between double quotation marks.
InstructionCheck make_quotation(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto text = stripped(response);
    return text.size() > 1 && text.front() == '"' && text.back() == '"';
  };
}

// No `,`.
InstructionCheck make_no_comma(const InstructionArguments&) {
  return [](std::string_view response) { return response.find(',') == std::string_view::npos; };
}

// All of it is in `language` (ISO 639-1).
InstructionCheck make_response_language(const InstructionArguments& arguments) {
  const std::string code = arguments.text("language");
  const Language* language = find_language(code);
  if (language == nullptr) throw ArgumentError("language: \"" + code + "\" cannot be recognised");
  return [language](std::string_view response) { return is_in_language(response, *language); };
}

// English without small letters.
InstructionCheck make_english_capital(const InstructionArguments&) {
  return make_english_case(LetterCase::upper);
}

// English without capitals.
InstructionCheck make_english_lowercase(const InstructionArguments&) {
  return make_english_case(LetterCase::lower);
}

// `capital_frequency` words or more that are all in capitals, or fewer.
InstructionCheck make_capital_word_frequency(const InstructionArguments& arguments) {
  const int64_t bound = arguments.count("capital_frequency");
  const bool is_at_least = arguments.is_at_least("capital_relation");
  return [bound, is_at_least](std::string_view response) {
    int64_t count = 0;
    for (const auto word : treebank_words(response)) {
      count += has_case(word, LetterCase::upper) ? 1 : 0;
    }
    return (count >= bound) == is_at_least;
  };
}

}  // namespace

extern const InstructionRecord kTwoResponsesInstruction{"combination:two_responses",
                                                        make_two_responses};
extern const InstructionRecord kRepeatPromptInstruction{"combination:repeat_prompt",
                                                        make_repeat_prompt};
extern const InstructionRecord kEndCheckerInstruction{"startend:end_checker", make_end_checker};
extern const InstructionRecord kQuotationInstruction{"startend:quotation", make_quotation};
extern const InstructionRecord kNoCommaInstruction{"punctuation:no_comma", make_no_comma};
extern const InstructionRecord kResponseLanguageInstruction{"language:response_language",
                                                            make_response_language};
extern const InstructionRecord kEnglishCapitalInstruction{"change_case:english_capital",
                                                          make_english_capital};
extern const InstructionRecord kEnglishLowercaseInstruction{"change_case:english_lowercase",
                                                            make_english_lowercase};
extern const InstructionRecord kCapitalWordFrequencyInstruction{
    "change_case:capital_word_frequency", make_capital_word_frequency};

}  // namespace gradus::rewards
