// sentence:* of IFBench: what the sentences hold, one after the other.

#include <algorithm>

#include "base/error.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/instructions/pieces.h"
#include "rewards/scores/sentences.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

/// Words in runs of two or more neighbours that begin with the same character.
int64_t num_alliterative(std::string_view sentence) {
  const std::string lower = lower_case(sentence);
  std::vector<uint32_t> initials;
  for (const auto word : split_words(lower)) {
    const auto bare = without_outer_marks(word, true, false);
    if (!bare.empty()) initials.push_back(first_character(bare));
  }
  int64_t count = 0;
  bool is_inside = false;
  for (size_t i = 0; i + 1 < initials.size(); ++i) {
    const bool is_same = initials[i] == initials[i + 1];
    if (is_same) count += is_inside ? 1 : 2;
    is_inside = is_same;
  }
  return count;
}

int64_t num_words(std::string_view sentence) {
  const std::string bare = without_punctuation(sentence);
  return static_cast<int64_t>(split_words(bare).size());
}

// Each sentence has more alliterative words than the one before it.
InstructionCheck make_alliteration(const InstructionArguments&) {
  return [](std::string_view response) {
    int64_t before = -1;
    for (const auto sentence : split_sentences(response)) {
      const int64_t count = num_alliterative(sentence);
      if (count <= before) return false;
      before = count;
    }
    return true;
  };
}

// The `N`-th sentence has `word`, whatever the case.
InstructionCheck make_sentence_keyword(const InstructionArguments& arguments) {
  const std::string word = lower_case(arguments.text("word"));
  const int64_t place = arguments.count("N");
  if (place == 0) throw ArgumentError("N: must be at least 1");
  return [word, place](std::string_view response) {
    const auto sentences = split_sentences(response);
    return std::ssize(sentences) >= place &&
           has_word(lower_case(sentences[static_cast<size_t>(place - 1)]), word);
  };
}

// Each sentence has exactly `small_n` words more than the one before it.
InstructionCheck make_increment(const InstructionArguments& arguments) {
  const int64_t step = arguments.count("small_n");
  return [step](std::string_view response) {
    const auto sentences = split_sentences(response);
    return std::ranges::adjacent_find(sentences, [step](auto before, auto behind) {
             return num_words(behind) != num_words(before) + step;
           }) == sentences.end();
  };
}

}  // namespace

extern const InstructionRecord kAlliterationInstruction{"sentence:alliteration_increment",
                                                        make_alliteration};
extern const InstructionRecord kSentenceKeywordInstruction{"sentence:keyword",
                                                           make_sentence_keyword};
extern const InstructionRecord kIncrementInstruction{"sentence:increment", make_increment};

}  // namespace gradus::rewards
