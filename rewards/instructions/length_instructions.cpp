// length_constraints:*: how many sentences, words and paragraphs.

#include "rewards/instructions/instruction_record.h"
#include "rewards/instructions/pieces.h"
#include "rewards/scores/sentences.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

// The first word in lower case, without quotes before it, to the first mark within it.
std::string first_word_of(std::string_view paragraph) {
  const auto words = split_words(paragraph);
  if (words.empty()) return "";
  std::string_view word = words.front();
  while (word.starts_with('\'')) word.remove_prefix(1);
  while (word.starts_with('"')) word.remove_prefix(1);
  return lower_case(word.substr(0, word.find_first_of(".,?!'\"")));
}

// `num_sentences` sentences or more (`relation` at least), or fewer (less than).
InstructionCheck make_number_sentences(const InstructionArguments& arguments) {
  const int64_t bound = arguments.count("num_sentences");
  const bool is_at_least = arguments.is_at_least("relation");
  return [bound, is_at_least](std::string_view response) {
    return (count_sentences(response) >= bound) == is_at_least;
  };
}

// `num_words` runs of letters, digits and _, or more, or fewer.
InstructionCheck make_number_words(const InstructionArguments& arguments) {
  const int64_t bound = arguments.count("num_words");
  const bool is_at_least = arguments.is_at_least("relation");
  return [bound, is_at_least](std::string_view response) {
    return (count_word_runs(response) >= bound) == is_at_least;
  };
}

// Exactly `num_paragraphs` parts between `***`, none of those between two marks empty.
InstructionCheck make_number_paragraphs(const InstructionArguments& arguments) {
  const int64_t wanted = arguments.count("num_paragraphs");
  return [wanted](std::string_view response) {
    const auto parts = split_at(response, "***");
    auto count = static_cast<int64_t>(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      if (!stripped(parts[i]).empty()) continue;
      if (i != 0 && i + 1 != parts.size()) return false;
      --count;
    }
    return count == wanted;
  };
}

// Exactly `num_paragraphs` parts between blank lines that are not empty, the `nth_paragraph`-th of
// all parts beginning with `first_word`.
InstructionCheck make_nth_paragraph_first_word(const InstructionArguments& arguments) {
  const int64_t wanted = arguments.count("num_paragraphs");
  const int64_t nth = arguments.count("nth_paragraph");
  const std::string first_word = lower_case(arguments.text("first_word"));
  return [wanted, nth, first_word](std::string_view response) {
    const auto parts = split_at(response, "\n\n");
    int64_t count = 0;
    for (const auto part : parts) count += stripped(part).empty() ? 0 : 1;
    if (nth < 1 || nth > count || count != wanted) return false;
    return first_word_of(parts[static_cast<size_t>(nth - 1)]) == first_word;
  };
}

}  // namespace

extern const InstructionRecord kNumberSentencesInstruction{"length_constraints:number_sentences",
                                                           make_number_sentences};
extern const InstructionRecord kNumberWordsInstruction{"length_constraints:number_words",
                                                       make_number_words};
extern const InstructionRecord kNumberParagraphsInstruction{"length_constraints:number_paragraphs",
                                                            make_number_paragraphs};
extern const InstructionRecord kNthParagraphFirstWordInstruction{
    "length_constraints:nth_paragraph_first_word", make_nth_paragraph_first_word};

}  // namespace gradus::rewards
