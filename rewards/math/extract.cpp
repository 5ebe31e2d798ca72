#include "rewards/math/extract.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/text_scan.h"
#include "rewards/math/units.h"

namespace gradus::rewards::math {
namespace {

using Origin = Candidate::Origin;

/// English words of two letters, which are no product of variables.
bool is_short_word(const std::string& word) {
  constexpr std::array<std::string_view, 25> kWords{
      "so", "is", "we", "it", "an", "of", "to", "in", "on", "be", "by", "as", "at",
      "if", "he", "my", "no", "us", "do", "go", "up", "am", "me", "id", "ok"};
  return std::find(kWords.begin(), kWords.end(), lower_case(word)) != kWords.end();
}

/// Words between two boxes: those that join, and all.
struct Gap {
  bool joins = false;
  size_t num_words = 0;
  bool ends_sentence = false;
};

Gap look_between(std::string_view text) {
  Gap gap;
  std::string word;
  bool is_command = false;
  bool only_marks = true;
  const auto end_word = [&] {
    if (!word.empty() && !is_command) {
      if (word == "and" || word == "or" || is_joining_word(word)) {
        gap.joins = true;
      } else if (word.size() > 1) {
        ++gap.num_words;
      }
    }
    word.clear();
    is_command = false;
  };
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if (is_letter(c)) {
      if (word.empty()) is_command = i > 0 && text[i - 1] == '\\';
      word += c;
      only_marks = only_marks && is_command;
      continue;
    }
    end_word();
    if (c == ',' || c == ';') gap.joins = true;
    if (c == '.' && i + 1 < text.size() && text[i + 1] == ' ') gap.ends_sentence = true;
  }
  if (only_marks) gap.joins = true;
  return gap;
}

/// Whether two neighbouring boxes are parts of one answer.
bool belong_together(std::string_view between) {
  if (between.size() > 70) return false;
  const Gap gap = look_between(between);
  if (gap.ends_sentence || between.find('\n') != std::string_view::npos) return false;
  const bool has_word =
      between.find("and") != std::string_view::npos || between.find("or") != std::string_view::npos;
  return gap.joins && (gap.num_words == 0 || (has_word && gap.num_words <= 1));
}

class Extractor {
 public:
  Extractor(std::string_view text, const ExtractOptions& options)
      : text_(text), options_(options) {}

  std::vector<Candidate> run() && {
    const int priority = options_.boxed_match_priority;
    // "The final answer is x. I hope" ties with boxes that come first.
    const bool hopes = text_.find("I hope") != std::string_view::npos;
    const bool boxes_first = priority == 0 && !hopes;
    if (boxes_first) boxes();
    if (!candidates_.empty()) return std::move(candidates_);  // a box is final
    if (!hopes) marks();
    anchors(0);
    if (!boxes_first && priority >= 0 && priority <= 50) boxes_and_final_answers();
    if (hopes) marks();
    anchors(1);
    anchors(2);
    if (priority > 50) boxes();
    if (options_.try_extract_without_anchor) last_expressions();
    if (candidates_.size() > kMaxCandidates) candidates_.resize(kMaxCandidates);
    return std::move(candidates_);
  }

 private:
  void push(std::string text, Origin origin, bool is_plain) {
    if (bare(text).empty()) return;
    candidates_.push_back({std::move(text), origin, is_plain});
  }

  /// The last group of boxes; returns where it ends.
  size_t boxes() {
    if (!options_.targets.latex && !options_.targets.expr) return 0;
    const std::vector<Span> found = find_boxes(text_);
    // An empty box is no answer.
    size_t last = found.size();
    while (last > 0 && bare(found[last - 1].inside).empty()) --last;
    if (last == 0) return 0;
    size_t first = last - 1;
    while (first > 0 && !bare(found[first - 1].inside).empty() &&
           belong_together(
               text_.substr(found[first - 1].end, found[first].begin - found[first - 1].end)) &&
           found[first - 1].inside != found[last - 1].inside) {
      --first;
    }
    std::string joined;
    for (size_t i = first; i < last; ++i) {
      joined += (joined.empty() ? "" : " , ") + inside_of(found[i]);
    }
    const std::string_view behind = word_behind(text_, found[last - 1].end);
    if (behind == "%" || behind == "\\%" || is_percent_word(behind)) joined += " \\%";
    push(joined, Origin::box, false);
    return found[last - 1].end;
  }

  /// "\boxed{12 $ and $13 }": dollars inside a box part its items.
  static std::string inside_of(const Span& box) {
    std::string inside(box.inside);
    const size_t dollars = static_cast<size_t>(std::count(inside.begin(), inside.end(), '$'));
    if (dollars < 2) return inside;
    std::string parted;
    for (const char c : inside) parted += c == '$' ? ' ' : c;
    size_t at = 0;
    for (const std::string_view word : {" and ", " or "}) {
      while ((at = parted.find(word)) != std::string::npos) parted.replace(at, word.size(), " , ");
    }
    return parted;
  }

  /// With equal priority the place that ends last wins: a box, or "the final answer is".
  void boxes_and_final_answers() {
    const size_t before = candidates_.size();
    const size_t end = boxes();
    if (candidates_.size() == before || final_answer_at_ > end) return;
    std::rotate(candidates_.begin() + static_cast<std::ptrdiff_t>(num_before_final_),
                candidates_.end() - 1, candidates_.end());
  }

  void marks() {
    tags();
    hashes();
  }

  void tags() {
    const size_t open = text_.rfind("<answer>");
    if (open == std::string_view::npos) return;
    const size_t begin = open + 8;
    const size_t close = text_.find("</answer>", begin);
    const std::string_view inside =
        text_.substr(begin, close == std::string_view::npos ? close : close - begin);
    // A box or a phrase within the tag is more exact than the tag.
    if (find_boxes(inside).empty()) push_phrase(inside, Origin::tag);
  }

  void hashes() {
    const size_t at = text_.rfind("####");
    if (at == std::string_view::npos) return;
    std::string_view line = text_.substr(at + 4);
    line = line.substr(0, line.find('\n'));
    push_phrase(line, Origin::hash);
  }

  void anchors(int weight) {
    if (!anchors_) anchors_ = find_anchors(text_);
    num_before_final_ = weight == 0 ? candidates_.size() : num_before_final_;
    int num_taken = 0;
    for (const Anchor& anchor : *anchors_) {
      if (anchor.weight != weight || num_taken >= 3) continue;
      const size_t before = candidates_.size();
      push_phrase(segment_behind(anchor.end), Origin::anchor);
      if (candidates_.size() == before) continue;
      if (weight == 0 && num_taken == 0) final_answer_at_ = anchor.end;
      ++num_taken;
    }
  }

  /// The rest of the sentence.
  std::string_view segment_behind(size_t at) const {
    std::string_view rest = text_.substr(at, 600);
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n' || rest.front() == '*' ||
                             rest.front() == '\r' || rest.front() == ':')) {
      rest.remove_prefix(1);
    }
    size_t end = rest.size();
    const bool spans_lines = rest.starts_with("$$") || rest.starts_with("\\[");
    const auto cut = [&](std::string_view mark) { end = std::min(end, rest.find(mark)); };
    if (!spans_lines) cut("\n");
    for (const std::string_view mark : {". ", "。", " I hope", "<|"}) cut(mark);
    return rest.substr(0, end);
  }

  /// One answer from a phrase: all of it if it is short mathematics, else its first mathematics
  /// behind the last "is" or "=", together with what is joined to it.
  void push_phrase(std::string_view phrase, Origin origin) {
    const std::string_view whole = bare(phrase);
    if (whole.empty() || whole.starts_with("not ")) return;
    if (is_short_mathematics(whole)) {
      push(std::string(whole), origin, whole.find_first_of("$\\") == std::string_view::npos);
      return;
    }
    const size_t from = behind_last_copula(whole);
    const std::string found = first_mathematics(whole.substr(from));
    if (!found.empty()) {
      push(found, origin, found.find('\\') == std::string::npos);
    } else if (from > 0) {
      const std::string any = first_mathematics(whole);
      if (!any.empty()) push(any, origin, any.find('\\') == std::string::npos);
    }
  }

  /// No words but those of mathematics, units and numbers.
  static bool is_short_mathematics(std::string_view text) {
    if (text.size() > 400) return false;
    std::string word;
    bool is_command = false;
    size_t in_text = 0;
    for (size_t i = 0; i <= text.size(); ++i) {
      const char c = i < text.size() ? text[i] : ' ';
      if (static_cast<unsigned char>(c) >= 0xE0) return false;  // words of other scripts
      if (is_letter(c)) {
        if (word.empty()) is_command = i > 0 && text[i - 1] == '\\';
        word += c;
        continue;
      }
      if (!word.empty()) {
        const bool is_known = is_command || word.size() == 1 || function_name(word) ||
                              constant_name(word) || is_symbol_command(word) ||
                              is_joining_word(word) || is_unit(word) || is_percent_word(word) ||
                              multiplier_of(word) != 0 || in_text > 0;
        if (!is_known && (word.size() != 2 || is_short_word(word))) return false;
        if (is_command &&
            (word == "text" || word == "mathrm" || word == "mbox" || word == "textbf")) {
          in_text = i;
        }
        word.clear();
      }
      if (c == '}') in_text = 0;
    }
    return true;
  }

  static size_t behind_last_copula(std::string_view text) {
    size_t at = 0;
    for (const std::string_view word :
         {" is ", " are ", " equals ", " est ", " es ", " ist ", ": "}) {
      const size_t found = text.rfind(word);
      if (found == std::string_view::npos) continue;
      const std::string_view rest = text.substr(found + word.size());
      const bool has_number = rest.find_first_of("0123456789$\\") != std::string_view::npos;
      if (has_number) at = std::max(at, found + word.size());
    }
    return at;
  }

  /// Spans of mathematics, and the plain arithmetic outside of them, in order.
  std::vector<Span> mathematics_in(std::string_view text) const {
    std::vector<Span> found;
    if (options_.targets.latex) found = find_math_spans(text);
    if (!options_.targets.expr) return found;
    const auto num_spans = static_cast<std::ptrdiff_t>(found.size());
    for (const Span& number : find_arithmetic(text)) {
      const auto spans_end = found.begin() + num_spans;
      const auto after =
          std::lower_bound(found.begin(), spans_end, number.begin,
                           [](const Span& span, size_t begin) { return span.end <= begin; });
      if (after == spans_end || number.end <= after->begin) found.push_back(number);
    }
    std::sort(found.begin(), found.end(),
              [](const Span& a, const Span& b) { return a.end < b.end; });
    return found;
  }

  /// The first span or number of a text with those that are joined to it by "," "and" "or".
  std::string first_mathematics(std::string_view text) const {
    const std::vector<Span> found = mathematics_in(text);
    std::string result;
    for (size_t i = 0; i < found.size() && i < 6; ++i) {
      if (i > 0) {
        const std::string_view between =
            text.substr(found[i - 1].end, found[i].begin - found[i - 1].end);
        if (joining_at(between) != between.size() || between.empty()) break;
        result += " , ";
      }
      result += with_unit(text, found[i]);
    }
    return result;
  }

  /// "28 percent", "2.5 million", "12 cm": the word behind a number that belongs to it.
  static std::string with_unit(std::string_view text, const Span& span) {
    std::string result(last_side(span.inside));
    const std::string_view word = word_behind(text, span.end);
    if (word == "%" || word == "\\%" || is_percent_word(word)) {
      result += " \\%";
    } else if (multiplier_of(word) != 0) {
      result += " " + std::string(word);
    } else if (is_unit(word) && word.size() > 1) {
      result += " \\text{" + std::string(word) + "}";
    }
    return result;
  }

  /// Behind the last equals sign of plain arithmetic.
  static std::string_view last_side(std::string_view text) {
    if (text.find('\\') != std::string_view::npos) return text;
    const size_t at = text.rfind('=');
    if (at == std::string_view::npos) return text;
    const std::string_view side = text.substr(at + 1);
    const bool is_plain =
        text.find_first_of("abcdefghijklmnopqrstuvwxyz<>") == std::string_view::npos;
    return is_plain && side.find_first_of("0123456789") != std::string_view::npos ? side : text;
  }

  /// Without an announcement: what stands last, mathematics or a number.
  void last_expressions() {
    if (whole_text_is_answer()) push(std::string(bare(text_)), Origin::number, true);
    const std::vector<Span> found = mathematics_in(text_);
    for (size_t i = found.size(); i > 0 && candidates_.size() < kMaxCandidates; --i) {
      const Span& last = found[i - 1];
      if (text_.substr(0, last.begin).ends_with(" not ")) continue;  // "it is not 18"
      const bool is_span = is_math_span(last);
      size_t first = i - 1;
      while (is_span && first > 0 && i - first < 6 && is_math_span(found[first - 1])) {
        const std::string_view between =
            text_.substr(found[first - 1].end, found[first].begin - found[first - 1].end);
        if (between.empty() || joining_at(between) != between.size()) break;
        --first;
      }
      std::string joined;
      for (size_t k = first; k < i; ++k) {
        joined += (k > first ? " , " : "") + with_unit(text_, found[k]);
      }
      push(joined, is_span ? Origin::span : Origin::number, !is_span);
      if (!is_span) push_last_number(last.inside);
      i = first + 1;
    }
  }

  bool is_math_span(const Span& span) const {
    const char c = text_[span.begin];
    return c == '$' ? span.inside.size() + 2 <= span.end - span.begin : c == '\\';
  }

  /// The last number of a run that is no expression ("4 4/9 2"), with a fraction kept whole.
  void push_last_number(std::string_view run) {
    size_t end = run.size();
    while (end > 0 && run[end - 1] == ' ') --end;
    size_t begin = end;
    while (begin > 0 && ((run[begin - 1] >= '0' && run[begin - 1] <= '9') ||
                         run[begin - 1] == '.' || run[begin - 1] == '/' || run[begin - 1] == '%')) {
      --begin;
    }
    if (begin == 0 || begin == end) return;
    const bool is_fraction = run.substr(begin, end - begin).find('/') != std::string_view::npos;
    if (is_fraction && run[begin - 1] == ' ') return;  // of a mixed number that is none
    if (run[begin - 1] == '-' && (begin < 2 || run[begin - 2] == ' ')) --begin;
    push(std::string(run.substr(begin, end - begin)), Origin::number, true);
  }

  /// A short text without sentences is itself the answer: "3x + 4y = 14", "1 1/4".
  bool whole_text_is_answer() const {
    const std::string_view whole = bare(text_);
    return !whole.empty() && whole.size() <= 200 && whole.find('\n') == std::string_view::npos &&
           whole.find('$') == std::string_view::npos &&
           whole.find("\\boxed") == std::string_view::npos && is_short_mathematics(whole) &&
           (options_.targets.expr || options_.targets.latex);
  }

  std::string_view text_;
  const ExtractOptions& options_;
  std::vector<Candidate> candidates_;
  std::optional<std::vector<Anchor>> anchors_;  // found when they are first asked for
  size_t final_answer_at_ = 0;
  size_t num_before_final_ = 0;
};

}  // namespace

std::vector<Candidate> extract_candidates(std::string_view text, const ExtractOptions& options) {
  return Extractor(text, options).run();
}

bool cut_reasoning(std::string_view& text, const std::vector<std::string>& delimiters) {
  size_t end = std::string_view::npos;
  for (const std::string& delimiter : delimiters) {
    const size_t at = text.rfind(delimiter);
    if (at == std::string_view::npos) continue;
    const size_t behind = at + delimiter.size();
    end = end == std::string_view::npos ? behind : std::max(end, behind);
  }
  if (end == std::string_view::npos) return false;
  text.remove_prefix(end);
  return true;
}

const char* origin_name(Candidate::Origin origin) {
  switch (origin) {
    case Origin::box:
      return "boxed";
    case Origin::tag:
      return "answer_tag";
    case Origin::hash:
      return "hash";
    case Origin::anchor:
      return "phrase";
    case Origin::span:
      return "last_mathematics";
    case Origin::number:
      break;
  }
  return "last_number";
}

}  // namespace gradus::rewards::math
