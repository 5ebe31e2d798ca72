// count:* of IFBench: how many words, names, numbers, marks.

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/instructions/pieces.h"
#include "rewards/scores/sentences.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

constexpr std::array<std::string_view, 50> kNames{
    "Emma",     "Liam",     "Sophia",   "Jackson", "Olivia",      "Noah",      "Ava",
    "Lucas",    "Isabella", "Mason",    "Mia",     "Ethan",       "Charlotte", "Alexander",
    "Amelia",   "Benjamin", "Harper",   "Leo",     "Zoe",         "Daniel",    "Chloe",
    "Samuel",   "Lily",     "Matthew",  "Grace",   "Owen",        "Abigail",   "Gabriel",
    "Ella",     "Jacob",    "Scarlett", "Nathan",  "Victoria",    "Elijah",    "Layla",
    "Nicholas", "Audrey",   "David",    "Hannah",  "Christopher", "Penelope",  "Thomas",
    "Nora",     "Andrew",   "Aria",     "Joseph",  "Claire",      "Ryan",      "Stella",
    "Jonathan"};

const std::set<std::string, std::less<>>& pronouns() {
  static const std::set<std::string, std::less<>> words{
      "i",          "me",        "we",         "us",        "you",      "he",         "him",
      "she",        "her",       "it",         "they",      "them",     "my",         "mine",
      "our",        "ours",      "your",       "yours",     "his",      "hers",       "its",
      "their",      "theirs",    "myself",     "ourselves", "yourself", "yourselves", "himself",
      "herself",    "itself",    "themselves", "this",      "that",     "these",      "those",
      "who",        "whom",      "whose",      "which",     "what",     "whoever",    "whomever",
      "whatever",   "whichever", "anybody",    "anyone",    "anything", "everybody",  "everyone",
      "everything", "nobody",    "nothing",    "somebody",  "someone",  "something",  "each",
      "either",     "neither",   "both",       "all",       "some",     "any",        "none"};
  return words;
}

bool is_japanese(uint32_t value) {
  return (value >= 0x3040 && value <= 0x30FF) || (value >= 0x4E00 && value <= 0x9FFF);
}

bool is_plain_number(std::string_view word) {
  return std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

int64_t at_least_one(const InstructionArguments& arguments, const char* key) {
  const int64_t value = arguments.count(key);
  if (value == 0) throw ArgumentError(std::string(key) + ": must be at least 1");
  return value;
}

// `min_words` to `max_words` runs of letters, digits and _.
InstructionCheck make_word_count_range(const InstructionArguments& arguments) {
  const int64_t low = arguments.count("min_words");
  const int64_t high = arguments.count("max_words");
  return [low, high](std::string_view response) {
    const int64_t count = count_word_runs(response);
    return count >= low && count <= high;
  };
}

// `N` different words or more, without the marks around them, whatever the case.
InstructionCheck make_unique_word_count(const InstructionArguments& arguments) {
  const int64_t bound = arguments.count("N");
  return [bound](std::string_view response) {
    const std::string lower = lower_case(response);
    std::set<std::string_view> words;
    for (const auto word : split_words(lower)) words.insert(without_outer_marks(word));
    return static_cast<int64_t>(words.size()) >= bound;
  };
}

// `small_n` or more of and, but, for, nor, or, so, yet; forms with other marks or capitals count
// apart, as in the reference.
InstructionCheck make_conjunctions(const InstructionArguments& arguments) {
  const int64_t bound = arguments.count("small_n");
  return [bound](std::string_view response) {
    static const std::set<std::string, std::less<>> conjunctions{"and", "but", "for", "nor",
                                                                 "or",  "so",  "yet"};
    std::set<std::string_view> found;
    for (const auto word : split_words(response))
      if (conjunctions.contains(lower_case(without_outer_marks(word)))) found.insert(word);
    return static_cast<int64_t>(found.size()) >= bound;
  };
}

// `N` or more of 50 first names.
InstructionCheck make_person_names(const InstructionArguments& arguments) {
  const int64_t bound = arguments.count("N");
  return [bound](std::string_view response) {
    return std::ranges::count_if(
               kNames, [&](std::string_view name) { return has_word(response, name); }) >= bound;
  };
}

// Exactly `N` runs of digits, once ASCII's marks are taken out.
InstructionCheck make_numbers(const InstructionArguments& arguments) {
  const int64_t wanted = arguments.count("N");
  const auto digits = std::make_shared<BoundedRegex>("\\d+");
  return [wanted, digits](std::string_view response) {
    return count_matches(*digits, without_punctuation(response)) == wanted;
  };
}

// `N` pronouns or more.
InstructionCheck make_pronouns(const InstructionArguments& arguments) {
  const int64_t bound = arguments.count("N");
  return [bound](std::string_view response) {
    std::string lower = lower_case(response);
    std::ranges::replace(lower, '/', ' ');
    int64_t count = 0;
    for (const auto word : treebank_tokens(lower)) count += pronouns().contains(word) ? 1 : 0;
    return count >= bound;
  };
}

// Each of . , ! ? ; : and an interrobang beside them.
InstructionCheck make_punctuation(const InstructionArguments&) {
  return [](std::string_view response) {
    std::string rest(response);
    const size_t first = rest.find("?!");
    const size_t at = first == std::string::npos ? rest.find("!?") : first;
    if (at == std::string::npos && rest.find("\xE2\x80\xBD") == std::string::npos) return false;
    if (at != std::string::npos) rest.erase(at, 2);
    return std::ranges::all_of(std::string_view(".,!?;:"),
                               [&](char mark) { return rest.find(mark) != std::string::npos; });
  };
}

// Every `N`-th word holds a kana or a Han character; numbers may stand there as well.
InstructionCheck make_words_japanese(const InstructionArguments& arguments) {
  const int64_t cycle = at_least_one(arguments, "N");
  return [cycle](std::string_view response) {
    int64_t place = 0;
    for (const auto outer : split_words(response)) {
      const auto word = without_outer_marks(outer);
      if (++place % cycle != 0 || word.empty() || is_plain_number(word)) continue;
      if (std::ranges::none_of(code_points(word), is_japanese)) return false;
    }
    return true;
  };
}

// `keyword1` once, `keyword2` twice, `keyword3` three, `keyword4` five, `keyword5` seven times,
// within words as well, whatever the case.
InstructionCheck make_keywords_multiple(const InstructionArguments& arguments) {
  std::vector<std::pair<std::string, int64_t>> wanted;
  for (const auto& [key, count] :
       {std::pair{"keyword1", 1}, std::pair{"keyword2", 2}, std::pair{"keyword3", 3},
        std::pair{"keyword4", 5}, std::pair{"keyword5", 7}}) {
    wanted.emplace_back(lower_case(stripped(arguments.text(key))), count);
    if (wanted.back().first.empty()) throw ArgumentError(std::string(key) + ": is blank");
  }
  return [wanted](std::string_view response) {
    const std::string lower = lower_case(response);
    return std::ranges::all_of(wanted, [&](const auto& keyword) {
      return count_of(lower, keyword.first) == keyword.second;
    });
  };
}

}  // namespace

extern const InstructionRecord kWordCountRangeInstruction{"count:word_count_range",
                                                          make_word_count_range};
extern const InstructionRecord kUniqueWordCountInstruction{"count:unique_word_count",
                                                           make_unique_word_count};
extern const InstructionRecord kConjunctionsInstruction{"count:conjunctions", make_conjunctions};
extern const InstructionRecord kPersonNamesInstruction{"count:person_names", make_person_names};
extern const InstructionRecord kNumbersInstruction{"count:numbers", make_numbers};
extern const InstructionRecord kPronounsInstruction{"count:pronouns", make_pronouns};
extern const InstructionRecord kPunctuationInstruction{"count:punctuation", make_punctuation};
extern const InstructionRecord kWordsJapaneseInstruction{"count:words_japanese",
                                                         make_words_japanese};
extern const InstructionRecord kKeywordsMultipleInstruction{"count:keywords_multiple",
                                                            make_keywords_multiple};

}  // namespace gradus::rewards
