// words:* of IFBench: what each word begins with, is made of, and stands beside.

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "rewards/instructions/first_verb.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/instructions/pieces.h"
#include "rewards/instructions/syllables.h"
#include "rewards/scores/sentences.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

bool is_consonant(char c) {
  return c >= 'a' && c <= 'z' && std::string_view("aeiou").find(c) == std::string_view::npos;
}

bool has_consonant_cluster(std::string_view word) {
  return std::adjacent_find(word.begin(), word.end(), [](char a, char b) {
           return is_consonant(a) && is_consonant(b);
         }) != word.end();
}

bool is_prime(int64_t number) {
  constexpr int64_t kMost = 97;  // as far as the reference knows them
  if (number < 2 || number > kMost) return false;
  for (int64_t i = 2; i * i <= number; ++i)
    if (number % i == 0) return false;
  return true;
}

bool has_alphanumeric(std::string_view token) {
  return std::ranges::any_of(
      code_points(token), [](uint32_t point) { return point != '_' && is_word_character(point); });
}

std::string text_without_blanks(const InstructionArguments& arguments, const char* key) {
  return lower_case(stripped(arguments.text(key)));
}

// Each word begins with the letter after that of the word before it, a after z.
InstructionCheck make_alphabet(const InstructionArguments&) {
  return [](std::string_view response) {
    const std::string text = lower_case(without_punctuation(response));
    const auto words = split_words(text);
    if (words.empty() || words[0][0] < 'a' || words[0][0] > 'z') return false;
    char letter = words[0][0];
    for (size_t i = 1; i < words.size(); ++i) {
      letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
      if (words[i][0] != letter) return false;
    }
    return true;
  };
}

// One line with at most three of the vowels a, e, i, o, u.
InstructionCheck make_vowel(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto text = stripped(response);
    if (text.find('\n') != std::string_view::npos) return false;
    const std::string lower = lower_case(text);
    return std::ranges::count_if(std::string_view("aeiou"), [&](char vowel) {
             return lower.find(vowel) != std::string::npos;
           }) <= 3;
  };
}

// Each word has two consonants side by side.
InstructionCheck make_consonants(const InstructionArguments&) {
  return [](std::string_view response) {
    const std::string lower = lower_case(response);
    return std::ranges::all_of(split_words(lower), has_consonant_cluster);
  };
}

// Ten words of five characters or more that are the same backwards.
InstructionCheck make_palindrome(const InstructionArguments&) {
  return [](std::string_view response) {
    const std::string text = lower_case(without_punctuation(response));
    return std::ranges::count_if(split_words(text), [](std::string_view word) {
             const auto points = code_points(word);
             return points.size() >= 5 && std::equal(points.begin(), points.end(), points.rbegin());
           }) >= 10;
  };
}

// The number of each word's characters is prime.
InstructionCheck make_prime_lengths(const InstructionArguments&) {
  return [](std::string_view response) {
    const std::string text = without_punctuation(response);
    return std::ranges::all_of(
        split_words(text), [](std::string_view word) { return is_prime(num_code_points(word)); });
  };
}

// It begins with a verb, near to what nltk's tagger takes for one (first_verb.h).
InstructionCheck make_start_verb(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto tokens = treebank_tokens(response);
    return !tokens.empty() && is_verb(tokens.front());
  };
}

// No word more than `small_n` times.
InstructionCheck make_repeats(const InstructionArguments& arguments) {
  const int64_t most = arguments.count("small_n");
  return [most](std::string_view response) {
    const std::string text = without_punctuation(lower_case(response));
    std::map<std::string_view, int64_t> counts;
    return std::ranges::all_of(split_words(text),
                               [&](std::string_view word) { return ++counts[word] <= most; });
  };
}

// Words of an odd and of an even number of syllables by turns (syllables.h).
InstructionCheck make_odd_even_syllables(const InstructionArguments&) {
  return [](std::string_view response) {
    const std::string text = lower_case(without_punctuation(response));
    const auto words = split_words(text);
    for (size_t i = 0; i + 1 < words.size(); ++i)
      if (count_syllables(words[i]) % 2 == count_syllables(words[i + 1]) % 2) return false;
    return true;
  };
}

// Each sentence begins with the last word of the one before it.
InstructionCheck make_last_first(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto sentences = split_sentences(response);
    for (size_t i = 0; i + 1 < sentences.size(); ++i) {
      const auto before = split_words(without_outer_marks(sentences[i], false, true));
      const auto behind = split_words(without_outer_marks(sentences[i + 1], true, false));
      if (before.empty() || behind.empty()) return false;
      if (lower_case(before.back()) != lower_case(behind.front())) return false;
    }
    return true;
  };
}

// Each line ends with the word that it begins with.
InstructionCheck make_paragraph_last_first(const InstructionArguments&) {
  return [](std::string_view response) {
    return std::ranges::all_of(split_lines(response), [](std::string_view line) {
      const std::string lower = lower_case(stripped(line));
      const auto words = split_words(without_outer_marks(lower));
      return words.empty() || words.front() == words.back();
    });
  };
}

// No two neighbours begin with the same character.
InstructionCheck make_no_consecutive(const InstructionArguments&) {
  return [](std::string_view response) {
    const std::string text = without_punctuation(lower_case(response));
    const auto words = split_words(text);
    return std::ranges::adjacent_find(words, [](std::string_view a, std::string_view b) {
             return first_character(a) == first_character(b);
           }) == words.end();
  };
}

// `keyword` is the `m`-th word of the `n`-th sentence.
InstructionCheck make_keywords_position(const InstructionArguments& arguments) {
  const std::string keyword = text_without_blanks(arguments, "keyword");
  const int64_t sentence = arguments.count("n");
  const int64_t place = arguments.count("m");
  if (sentence == 0 || place == 0) throw ArgumentError("n, m: must be at least 1");
  return [keyword, sentence, place](std::string_view response) {
    const auto sentences = split_sentences(response);
    if (std::ssize(sentences) < sentence) return false;
    auto words = treebank_tokens(sentences[static_cast<size_t>(sentence - 1)]);
    std::erase_if(words, [](std::string_view token) { return !has_alphanumeric(token); });
    return std::ssize(words) >= place &&
           lower_case(words[static_cast<size_t>(place - 1)]) == keyword;
  };
}

// `keyword` is the second word and the last but one, a mark at the end not counted.
InstructionCheck make_words_position(const InstructionArguments& arguments) {
  const std::string keyword = text_without_blanks(arguments, "keyword");
  return [keyword](std::string_view response) {
    const auto tokens = treebank_tokens(response);
    if (tokens.empty()) return false;
    const bool ends_in_mark =
        tokens.back().size() == 1 && is_punctuation(first_character(tokens.back()));
    const size_t from_end = ends_in_mark ? 3 : 2;
    if (tokens.size() < from_end) return false;
    return lower_case(tokens[1]) == keyword &&
           lower_case(tokens[tokens.size() - from_end]) == keyword;
  };
}

}  // namespace

extern const InstructionRecord kAlphabetInstruction{"words:alphabet", make_alphabet};
extern const InstructionRecord kVowelInstruction{"words:vowel", make_vowel};
extern const InstructionRecord kConsonantsInstruction{"words:consonants", make_consonants};
extern const InstructionRecord kPalindromeInstruction{"words:palindrome", make_palindrome};
extern const InstructionRecord kPrimeLengthsInstruction{"words:prime_lengths", make_prime_lengths};
extern const InstructionRecord kStartVerbInstruction{"words:start_verb", make_start_verb};
extern const InstructionRecord kRepeatsInstruction{"words:repeats", make_repeats};
extern const InstructionRecord kOddEvenSyllablesInstruction{"words:odd_even_syllables",
                                                            make_odd_even_syllables};
extern const InstructionRecord kLastFirstInstruction{"words:last_first", make_last_first};
extern const InstructionRecord kParagraphLastFirstInstruction{"words:paragraph_last_first",
                                                              make_paragraph_last_first};
extern const InstructionRecord kNoConsecutiveInstruction{"words:no_consecutive",
                                                         make_no_consecutive};
extern const InstructionRecord kKeywordsPositionInstruction{"words:keywords_specific_position",
                                                            make_keywords_position};
extern const InstructionRecord kWordsPositionInstruction{"words:words_position",
                                                         make_words_position};

}  // namespace gradus::rewards
