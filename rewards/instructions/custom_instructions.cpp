// custom:* of IFBench: single tasks, each with its own form.

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/utf8.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/instructions/pieces.h"
#include "rewards/scores/sentences.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

using Regex = std::shared_ptr<const BoundedRegex>;

Regex regex_of(const char* pattern) {
  return std::make_shared<const BoundedRegex>(pattern);
}

bool finds(const Regex& regex, std::string_view text) {
  return !regex->find(text).matches.empty();
}

std::vector<std::string_view> matches_of(const Regex& regex, std::string_view text) {
  std::vector<std::string_view> found;
  for (const auto& match : regex->find(text, text.size() + 1).matches)
    if (match[0]) found.push_back(*match[0]);
  return found;
}

/// With every double quote three times, as the reference keeps them through its reader of CSV.
std::string with_kept_quotes(std::string_view text) {
  std::string kept;
  for (const char c : text) kept += c == '"' ? "\"\"\"" : std::string(1, c);
  return kept;
}

bool have_size(const std::vector<std::vector<std::string>>& rows, size_t count, size_t width) {
  return rows.size() == count &&
         std::ranges::all_of(rows, [width](const auto& row) { return row.size() == width; });
}

// The multiples of 7 between 10 and 50, and no other number.
InstructionCheck make_multiples(const InstructionArguments&) {
  return [digits = regex_of("\\d+")](std::string_view response) {
    return matches_of(digits, response) ==
           std::vector<std::string_view>{"14", "21", "28", "35", "42", "49"};
  };
}

/// Characters of a question's text before its options, where it has five; negative: it has not.
int64_t question_length(std::string_view question, const Regex& option) {
  std::string text;
  int64_t num_options = 0;
  for (const auto line : split_lines(question)) {
    const auto inner = stripped(line);
    if (finds(option, inner))
      ++num_options;
    else if (num_options == 0)
      text.append(" ").append(inner);
  }
  return num_options == 5 ? num_code_points(stripped(text)) : -1;
}

// Four questions "Question N" with five options each, every one longer than the one before it.
InstructionCheck make_mcq(const InstructionArguments&) {
  const auto label = regex_of("\\n*(?:Question \\d+[.|):;]?\\s*)");
  const auto option = regex_of("^[A-Ea-e][.|)]\\s*\\w+");
  return [label, option](std::string_view response) {
    if (!response.starts_with("Question")) return false;
    std::vector<std::string_view> questions;
    size_t begin = 0;
    const auto take = [&](size_t end) {
      const auto question = stripped(response.substr(begin, end - begin));
      if (!question.empty()) questions.push_back(question);
    };
    for (const auto match : matches_of(label, response)) {
      const auto at = static_cast<size_t>(match.data() - response.data());
      take(at);
      begin = at + match.size();
    }
    take(response.size());
    if (questions.size() != 4) return false;
    int64_t before = -1;
    for (const auto question : questions) {
      const int64_t length = question_length(question, option);
      if (length < 0 || length <= before) return false;
      before = length;
    }
    return true;
  };
}

// Lines from one with Zimbabwe on, 52 or more, each behind the next in the alphabet.
InstructionCheck make_reverse_newline(const InstructionArguments&) {
  return [](std::string_view response) {
    constexpr size_t kFewest = 52;
    std::vector<std::string> lines;
    for (const auto line : split_lines(response)) {
      const auto text = without_outer_marks(line);
      if (text.empty()) continue;
      if (lines.empty() && text.find("Zimbabwe") == std::string_view::npos) continue;
      lines.push_back(ascii_of(text));
    }
    return lines.size() >= kFewest && std::ranges::is_sorted(lines, std::greater());
  };
}

// Read backwards, word by word, it names the bald eagle.
InstructionCheck make_word_reverse(const InstructionArguments&) {
  return [](std::string_view response) {
    const std::string text = without_punctuation(lower_case(stripped(response)));
    const auto words = split_words(text);
    std::string reversed;
    for (auto word = words.rbegin(); word != words.rend(); ++word)
      reversed.append(reversed.empty() ? "" : " ").append(*word);
    return reversed.find("bald eagle") != std::string::npos && count_sentences(reversed) == 1;
  };
}

// "bald eagle" backwards.
InstructionCheck make_character_reverse(const InstructionArguments&) {
  return [](std::string_view response) {
    return lower_case(response).find("elgae dlab") != std::string::npos;
  };
}

// 26 sentences that begin with a, b, ... z.
InstructionCheck make_sentence_alphabet(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto sentences = split_sentences(response);
    if (sentences.size() != 26) return false;
    for (size_t i = 0; i < sentences.size(); ++i) {
      const std::string lower = lower_case(sentences[i]);
      if (lower.empty() || lower[0] != static_cast<char>('a' + i)) return false;
    }
    return true;
  };
}

// 27 capitals in their order, between commas.
InstructionCheck make_capitals_sort(const InstructionArguments&) {
  return [](std::string_view response) {
    constexpr std::array<std::string_view, 27> kOrder{
        "Reykjavik",  "Helsinki", "Oslo",     "Tallinn",    "Stockholm", "Riga",      "Moscow",
        "Copenhagen", "Vilnius",  "Minsk",    "Dublin",     "Berlin",    "Amsterdam", "Warsaw",
        "London",     "Brussels", "Prague",   "Luxembourg", "Paris",     "Vienna",    "Bratislava",
        "Budapest",   "Vaduz",    "Chisinau", "Bern",       "Ljubljana", "Zagreb"};
    const std::string plain = ascii_of(response);
    std::vector<std::string_view> given;
    for (const auto part : split_at(plain, ","))
      if (!stripped(part).empty()) given.push_back(stripped(part));
    return std::ranges::equal(given, kOrder);
  };
}

// CSV of five named columns and seven rows.
InstructionCheck make_csv_city(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto rows = csv_rows(response, ',');
    return have_size(rows, 8, 5) &&
           rows[0] == std::vector<std::string>{"ID", "Country", "City", "Year", "Count"};
  };
}

/// A field between double quotes with a mark inside.
bool is_special_field(std::string_view field) {
  field = field.substr(0, field.find('\n'));
  if (!field.starts_with('"')) return false;
  const size_t last = field.rfind('"');
  if (last == 0) return false;
  return std::ranges::any_of(code_points(field.substr(1, last - 1)), [](uint32_t point) {
    return !is_word_character(point) && !is_white_space(point);
  });
}

// CSV of five named columns and 14 rows, up to the first with a mark within double quotes.
InstructionCheck make_csv_special(const InstructionArguments&) {
  const auto header = regex_of(
      "^(ProductID|\"ProductID\"),[ \\t]*(Category|\"Category\"),[ \\t]*(Brand|\"Brand\"),"
      "[ \\t]*(Price|\"Price\"),[ \\t]*(Stock|\"Stock\")$");
  return [header](std::string_view response) {
    if (!finds(header, stripped(split_lines(response).front()))) return false;
    const auto rows = csv_rows(with_kept_quotes(response), ',');
    if (rows.size() != 15) return false;
    for (size_t i = 1; i < rows.size(); ++i) {
      if (rows[i].size() != 5) return false;
      if (std::ranges::any_of(rows[i], is_special_field)) return true;
    }
    return false;
  };
}

bool is_quoted_field(const std::string& field) {
  const auto text = stripped(field);
  return text.starts_with('"') && text.ends_with('"');
}

// Five named columns with tabs between, three rows, every field within double quotes.
InstructionCheck make_csv_quotes(const InstructionArguments&) {
  const auto header = regex_of(
      "^(StudentID|\"StudentID\")\\t *(Subject|\"Subject\")\\t *(Grade|\"Grade\")\\t "
      "*(Semester|\"Semester\")\\t *(Score|\"Score\")$");
  return [header](std::string_view response) {
    if (!finds(header, stripped(split_lines(response).front()))) return false;
    const auto rows = csv_rows(with_kept_quotes(response), '\t');
    return have_size(rows, 4, 5) && std::ranges::all_of(rows, [](const auto& row) {
             return std::ranges::all_of(row, is_quoted_field);
           });
  };
}

/// YYYY-MM-DD of Napoleon's lifetime.
bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const auto number = [&](size_t begin, size_t size) {
    int value = 0;
    for (const char c : text.substr(begin, size)) {
      if (!is_digit(c)) return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  if (year < 1769 || year > 1821 || month < 0 || month > 12 || day < 0) return false;
  const bool is_short = month == 4 || month == 6 || month == 9 || month == 11;
  return day <= (month == 0 ? 99 : month == 2 ? 29 : is_short ? 30 : 31);
}

// Dates between commas and nothing else.
InstructionCheck make_date_format(const InstructionArguments&) {
  return [](std::string_view response) {
    return std::ranges::all_of(split_at(stripped(response), ","),
                               [](std::string_view part) { return is_date(stripped(part)); });
  };
}

}  // namespace

extern const InstructionRecord kMultiplesInstruction{"custom:multiples", make_multiples};
extern const InstructionRecord kMcqInstruction{"custom:mcq_count_length", make_mcq};
extern const InstructionRecord kReverseNewlineInstruction{"custom:reverse_newline",
                                                          make_reverse_newline};
extern const InstructionRecord kWordReverseInstruction{"custom:word_reverse", make_word_reverse};
extern const InstructionRecord kCharacterReverseInstruction{"custom:character_reverse",
                                                            make_character_reverse};
extern const InstructionRecord kSentenceAlphabetInstruction{"custom:sentence_alphabet",
                                                            make_sentence_alphabet};
extern const InstructionRecord kCapitalsSortInstruction{"custom:european_capitals_sort",
                                                        make_capitals_sort};
extern const InstructionRecord kCsvCityInstruction{"custom:csv_city", make_csv_city};
extern const InstructionRecord kCsvSpecialInstruction{"custom:csv_special_character",
                                                      make_csv_special};
extern const InstructionRecord kCsvQuotesInstruction{"custom:csv_quotes", make_csv_quotes};
extern const InstructionRecord kDateFormatInstruction{"custom:date_format_list", make_date_format};

}  // namespace gradus::rewards
