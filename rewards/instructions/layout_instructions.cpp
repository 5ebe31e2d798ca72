// format:* of IFBench: brackets, quotes, lines, lists.

#include <utf8proc.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>

#include "base/utf8.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/instructions/pieces.h"
#include "rewards/scores/sentences.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

bool is_upper(uint32_t value) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(value)) == UTF8PROC_CATEGORY_LU;
}
bool is_lower(uint32_t value) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(value)) == UTF8PROC_CATEGORY_LL;
}
bool is_any_letter(uint32_t value) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(value));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

/// Python's islower and isupper of the characters from `begin` on.
bool all_cased(const std::vector<uint32_t>& points, size_t begin, bool (*is_right)(uint32_t),
               bool (*is_wrong)(uint32_t)) {
  bool has_any = false;
  for (size_t i = begin; i < points.size(); ++i) {
    if (is_wrong(points[i])) return false;
    has_any = has_any || is_right(points[i]);
  }
  return has_any;
}

/// A word that title case does not allow: small at its beginning, all small or all large behind it.
bool breaks_title_case(std::string_view word) {
  const auto points = code_points(word);
  if (points.empty() || !is_any_letter(points[0]) || !is_lower(points[0])) return false;
  return points.size() == 1 || all_cased(points, 1, is_lower, is_upper) ||
         all_cased(points, 1, is_upper, is_lower);
}

// Brackets of three kinds, rightly closed, five or more in one another.
InstructionCheck make_parentheses(const InstructionArguments&) {
  return [](std::string_view response) {
    constexpr size_t kWanted = 5;
    constexpr std::string_view kOpening = "([{";
    constexpr std::string_view kClosing = ")]}";
    std::string open;
    size_t deepest = 0;
    for (const char c : response) {
      if (kOpening.find(c) != std::string_view::npos) {
        open += c;
        deepest = std::max(deepest, open.size());
        continue;
      }
      const size_t kind = kClosing.find(c);
      if (kind == std::string_view::npos) continue;
      if (!open.empty() && open.back() == kOpening[kind]) {
        open.pop_back();
        if (deepest >= kWanted) return true;
      } else {
        open.clear();
        deepest = 0;
      }
    }
    return false;
  };
}

// Double and single quotes by turns, three in one another.
InstructionCheck make_quotes(const InstructionArguments&) {
  return [](std::string_view response) {
    constexpr int64_t kWanted = 3;
    std::string open;
    int64_t deepest = 0;
    for (const char c : response) {
      if (!open.empty() && c == open.back()) {
        open.pop_back();
        if (deepest - std::ssize(open) >= kWanted) return true;
      } else if (c == '"' || c == '\'') {
        open += c;
        deepest = std::max<int64_t>(deepest, std::ssize(open));
      }
    }
    return false;
  };
}

/// Whether the options are letters, "a), b), c)": those must be given to the letter.
bool are_letters(std::string_view options) {
  size_t wanted = 0;
  for (const uint32_t point : code_points(options)) {
    if (!is_word_character(point)) continue;
    const auto letter = static_cast<uint32_t>('a' + wanted);
    if (point != letter && point != letter - 'a' + 'A') return false;
    if (++wanted == 3) return true;
  }
  return false;
}

// One of `options` and nothing else; they stand between "/", else between "or", else between
// commas.
InstructionCheck make_options(const InstructionArguments& arguments) {
  const std::string text = arguments.text("options");
  const bool is_strict = are_letters(text);
  const char* mark = text.find('/') != std::string::npos    ? "/"
                     : text.find("or") != std::string::npos ? "or"
                                                            : ",";
  std::vector<std::string> options;
  for (const auto part : split_at(text, mark)) {
    const auto option = stripped(part);
    options.push_back(is_strict ? std::string(option) : lower_case(without_outer_marks(option)));
  }
  return [is_strict, options](std::string_view response) {
    const std::string given =
        is_strict ? std::string(response) : lower_case(without_outer_marks(response));
    return std::ranges::find(options, given) != options.end();
  };
}

// Each word on a line of its own.
InstructionCheck make_newline(const InstructionArguments&) {
  return [](std::string_view response) {
    const std::string bare = without_punctuation(response);
    const auto lines = split_lines(stripped(bare));
    const auto filled = std::ranges::count_if(lines, [](auto line) { return !line.empty(); });
    return filled == std::ssize(split_words(bare));
  };
}

// An emoji ends every sentence, or begins the next.
InstructionCheck make_emoji(const InstructionArguments&) {
  return [](std::string_view response) {
    std::vector<std::vector<uint32_t>> sentences;
    for (const auto sentence : split_sentences(response)) {
      const std::string bare = without_punctuation(sentence);
      sentences.push_back(code_points(stripped(bare)));
    }
    for (size_t i = 0; i < sentences.size(); ++i) {
      const auto& points = sentences[i];
      if (points.empty()) return false;
      // The last but one, as a selector may follow it.
      const uint32_t before = points.size() > 1 ? points[points.size() - 2] : points.back();
      if (is_emoji(points.back()) || is_emoji(before)) continue;
      const bool has_next = i + 1 < sentences.size() && !sentences[i + 1].empty();
      if (!has_next || !is_emoji(sentences[i + 1].front())) return false;
    }
    return true;
  };
}

/// Without blank lines, as the reference takes them out of the list that it walks along: each takes
/// the first line that is equal to it, and the walk passes over the line behind.
std::vector<std::string_view> without_blank_lines(const std::vector<std::string_view>& lines) {
  std::map<std::string_view, std::deque<size_t>> blank;  // left so far, by their blanks
  std::vector<bool> is_gone(lines.size(), false);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!stripped(lines[i]).empty()) continue;
    auto& equal = blank[lines[i]];
    equal.push_back(i);
    is_gone[equal.front()] = true;
    equal.pop_front();
    if (++i < lines.size() && stripped(lines[i]).empty()) blank[lines[i]].push_back(i);
  }
  std::vector<std::string_view> left;
  for (size_t i = 0; i < lines.size(); ++i)
    if (!is_gone[i]) left.push_back(lines[i]);
  return left;
}

// Each line is further in than the one before it, by blanks.
InstructionCheck make_line_indent(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto lines = without_blank_lines(split_lines(response));
    int64_t before = -1;
    for (const auto line : lines) {
      const auto indent = static_cast<int64_t>(std::min(line.find_first_not_of(' '), line.size()));
      if (indent <= before) return false;
      before = indent;
    }
    return true;
  };
}

// No quote stands beside a quote, and the text does not end with one.
InstructionCheck make_quote_unquote(const InstructionArguments&) {
  return [](std::string_view response) {
    std::string plain;
    for (const auto part : split_at(response, "'\"'")) plain += part;
    std::string text;
    for (const auto word : split_words(plain)) text += word;
    if (text.find("\"\"") != std::string::npos) return false;
    std::string_view end = text;
    const auto is_outside = [](char c) {
      return (c >= '0' && c <= '9') || (c != '"' && is_punctuation(static_cast<unsigned char>(c)));
    };
    while (!end.empty() && is_outside(end.back())) end.remove_suffix(1);
    return end.empty() || end.back() != '"';
  };
}

// `sep` two times or more.
InstructionCheck make_list(const InstructionArguments& arguments) {
  return [mark = arguments.text("sep")](std::string_view response) {
    return count_of(response, mark) >= 2;
  };
}

/// Where the first tag of the kind begins, <i> before <em>.
size_t find_tag(std::string_view text, std::string_view plain, std::string_view emphasis) {
  const size_t at = text.find(plain);
  return at == std::string_view::npos ? text.find(emphasis) : at;
}

// Text in italics by HTML, and text behind it.
InstructionCheck make_thesis(const InstructionArguments&) {
  return [](std::string_view response) {
    constexpr size_t kTag = 3;  // of <i>, for <em> as well, as in the reference
    const size_t begin = find_tag(response, "<i>", "<em>");
    if (begin == std::string_view::npos) return false;
    response.remove_prefix(begin);
    const size_t end = find_tag(response, "</i>", "</em>");
    if (end == std::string_view::npos || end < kTag) return false;
    const auto thesis = response.substr(kTag, end - kTag);
    return !stripped(thesis).empty() && !stripped(response.substr(end + kTag + 1)).empty();
  };
}

// A dash behind every asterisk, before the next.
InstructionCheck make_sub_bullets(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto parts = split_at(response, "*");
    return std::all_of(parts.begin() + 1, parts.end(), [](std::string_view part) {
      return part.find('-') != std::string_view::npos;
    });
  };
}

// Two sentences or more, then two lines or more that begin with an asterisk, and no others.
InstructionCheck make_no_bullets_bullets(const InstructionArguments&) {
  return [](std::string_view response) {
    bool may_be_sentences = true;
    int64_t num_sentences = 0;
    int64_t num_bullets = 0;
    for (const auto line : split_lines(response)) {
      const auto text = stripped(line);
      if (text.starts_with('*')) {
        may_be_sentences = false;
        if (num_sentences < 2) return false;
        ++num_bullets;
        continue;
      }
      if (!may_be_sentences) return false;
      const int64_t count = count_sentences(text);
      may_be_sentences = count > 0;  // behind a blank line, bullets alone
      num_sentences += count;
    }
    return num_bullets >= 2;
  };
}

// No word begins with a small letter.
InstructionCheck make_title_case(const InstructionArguments&) {
  return [](std::string_view response) {
    return std::ranges::none_of(treebank_tokens(response), breaks_title_case);
  };
}

// "My Answer:", "My Conclusion:" and "Future Outlook:" are there.
InstructionCheck make_output_template(const InstructionArguments&) {
  return [](std::string_view response) {
    return std::ranges::all_of(
        std::array<std::string_view, 3>{"My Answer:", "My Conclusion:", "Future Outlook:"},
        [&](std::string_view part) { return response.find(part) != std::string_view::npos; });
  };
}

// No white space.
InstructionCheck make_no_whitespace(const InstructionArguments&) {
  return [](std::string_view response) {
    return std::ranges::none_of(code_points(response), is_white_space);
  };
}

}  // namespace

extern const InstructionRecord kParenthesesInstruction{"format:parentheses", make_parentheses};
extern const InstructionRecord kQuotesInstruction{"format:quotes", make_quotes};
extern const InstructionRecord kOptionsInstruction{"format:options", make_options};
extern const InstructionRecord kNewlineInstruction{"format:newline", make_newline};
extern const InstructionRecord kEmojiInstruction{"format:emoji", make_emoji};
extern const InstructionRecord kLineIndentInstruction{"format:line_indent", make_line_indent};
extern const InstructionRecord kQuoteUnquoteInstruction{"format:quote_unquote", make_quote_unquote};
extern const InstructionRecord kListInstruction{"format:list", make_list};
extern const InstructionRecord kThesisInstruction{"format:thesis", make_thesis};
extern const InstructionRecord kSubBulletsInstruction{"format:sub-bullets", make_sub_bullets};
extern const InstructionRecord kNoBulletsBulletsInstruction{"format:no_bullets_bullets",
                                                            make_no_bullets_bullets};
extern const InstructionRecord kTitleCaseInstruction{"format:title_case", make_title_case};
extern const InstructionRecord kOutputTemplateInstruction{"format:output_template",
                                                          make_output_template};
extern const InstructionRecord kNoWhitespaceInstruction{"format:no_whitespace", make_no_whitespace};

}  // namespace gradus::rewards
