#include "rewards/math/finding/extract.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "rewards/math/finding/anchors.h"
#include "rewards/math/finding/box_group.h"
#include "rewards/math/finding/number_words.h"
#include "rewards/math/finding/phrases.h"
#include "rewards/math/finding/prose_mathematics.h"
#include "rewards/math/finding/questions.h"
#include "rewards/math/finding/stance.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/normalize.h"
#include "rewards/math/reading/text_scan.h"
#include "rewards/math/units.h"

namespace gradus::rewards::math {
namespace {

using Origin = Candidate::Origin;

/// Whether a found text is plain, less the unit that was put behind it.
bool is_plain_number(std::string_view found) {
  return found.substr(0, found.find(" \\")).find('\\') == std::string_view::npos;
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
    // A box is final, and so is one that was left empty.
    if (!candidates_.empty() || is_box_empty_) return std::move(candidates_);
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
    BoxGroup group = last_box_group(text_);
    is_box_empty_ = group.is_there && group.text.empty();
    if (is_box_empty_) return 0;
    push(std::move(group.text), Origin::box, false);
    return group.end;
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
      const std::string_view segment = segment_behind(text_, anchor.end);
      if (is_called_wrong(text_, anchor.begin)) {
        if (anchor.weight < 2) refuse(segment);
        continue;
      }
      const size_t before = candidates_.size();
      push_phrase(segment, Origin::anchor);
      if (candidates_.size() > before) follow(segment, before);
      if (candidates_.size() == before) continue;
      if (weight == 0 && num_taken == 0) final_answer_at_ = anchor.end;
      ++num_taken;
    }
  }

  /// One answer from a phrase: all of it if it is short mathematics, else its first mathematics
  /// behind the last "is" or "=", together with what is joined to it.
  void push_phrase(std::string_view phrase, Origin origin) {
    const std::string_view whole = without_citations(without_working(bare(phrase)));
    if (whole.empty() || is_question(whole)) return;
    if (is_short_mathematics(whole) && may_read(whole)) {
      push(without_emphasis(whole), origin, whole.find_first_of("$\\") == std::string_view::npos);
      // "5 (or 6)" and "5 o 6" cannot be read as they stand.
      const std::string several = first_mathematics(whole);
      if (several.find(" , ") != std::string::npos) push(several, origin, false);
      answer_end_ = end_of(whole);
      return;
    }
    const size_t num_refused = refused_.size();
    const size_t from = behind_last_verb(whole);
    std::string found = first_mathematics(whole.substr(from));
    // "5, which is not 6" still says 5; "to 2 + 3 is not 6" says nothing.
    const bool opens_with_answer =
        is_digit(whole[0]) || whole.find_first_of("$\\-") == 0 || refused_.size() == num_refused;
    if (found.empty() && from > 0 && opens_with_answer) found = first_mathematics(whole);
    if (!found.empty()) {
      push(found, origin, is_plain_number(found));
    } else if (refused_.size() > num_refused) {
      refuse(whole);
    } else if (const auto number = number_stated_in_words(whole)) {
      push(*number, origin, true);
      answer_end_ = end_of(whole);
    }
  }

  /// Plain text is looked at for `expr` alone.
  bool may_read(std::string_view text) const {
    return options_.targets.expr || text.find_first_of("$\\") != std::string_view::npos;
  }

  size_t begin_of(std::string_view part) const {
    return static_cast<size_t>(part.data() - text_.data());
  }
  size_t end_of(std::string_view part) const { return begin_of(part) + part.size(); }

  /// What was denied is not taken by another way either.
  void refuse(std::string_view part) { refused_.emplace_back(begin_of(part), end_of(part)); }

  bool is_refused(const Span& span) const {
    return std::any_of(refused_.begin(), refused_.end(), [&](const auto& range) {
      return range.first < span.end && span.begin < range.second;
    });
  }

  /// What the text says of its last candidate afterwards: "No wait, 6.", "Alternatively, 6."
  ///
  /// @param first  index of the candidates that the segment gave.
  void follow(std::string_view segment, size_t first) {
    constexpr int kMaxSequels = 4;
    for (int i = 0; i < kMaxSequels; ++i) {
      size_t at = answer_end_;
      Sequel sequel = sequel_in(text_.substr(at));
      if (sequel.kind == Sequel::Kind::none) {
        at = end_of(segment);
        sequel = sequel_in(text_.substr(at));
      }
      if (sequel.kind == Sequel::Kind::none) return;
      const std::string_view next = segment_behind(text_, at + sequel.length);
      const bool is_retracted = sequel.kind == Sequel::Kind::retraction;
      const std::string other = is_retracted ? "" : statement_in(next);
      if (other.empty()) {
        if (!is_retracted && !sequel.answers_question) return;
        candidates_.resize(first);
        return refuse(segment);
      }
      segment = next;
      candidates_.resize(first + 1);
      std::string& answer = candidates_.back().text;
      answer = sequel.kind == Sequel::Kind::alternative ? answer + " , " + other : other;
      candidates_.back().is_plain = is_plain_number(answer);
    }
  }

  /// A sentence that is one number or formula: "6", "6 cm", but not "6 of them are red".
  std::string statement_in(std::string_view segment) {
    const std::vector<Span> found = mathematics_in(segment, options_.targets);
    if (found.empty() || found[0].begin > 0) return "";
    std::string_view rest = segment.substr(found[0].end);
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '*')) rest.remove_prefix(1);
    while (!rest.empty() && is_letter(rest[0])) rest.remove_prefix(1);
    if (!rest.empty() && rest.find_first_of(".,;!*)") != 0) return "";
    answer_end_ = begin_of(segment) + found[0].end;
    return value_with_words(text_, segment, found[0]);
  }

  /// The first span or number of a text that is not denied, with those that are joined to it by
  /// "," "and" "or".
  std::string first_mathematics(std::string_view text) {
    const std::vector<Span> found = mathematics_in(text, options_.targets);
    const size_t offset = begin_of(text);
    std::string result;
    bool is_denied = false;
    for (size_t i = 0; i < found.size() && i < 6; ++i) {
      const Span& span = found[i];
      const size_t before = i == 0 ? 0 : found[i - 1].end;
      const Link link = i == 0 ? Link{} : link_between(text.substr(before, span.begin - before));
      if (!result.empty() && !link.adds) break;
      Stance stance = stance_of(text_, offset + span.begin, offset + span.end);
      // A bound may be a step: "up to 12 + 6 = 18".
      const bool is_step = stance == Stance::bounded && span.inside.find('=') != std::string::npos;
      if (is_step) stance = Stance::stated;
      if (result.empty() && (stance != Stance::stated || (is_denied && !link.replaces))) {
        is_denied = stance != Stance::bounded;
        refuse(text.substr(span.begin, span.end - span.begin));
        continue;
      }
      if (stance != Stance::stated) break;
      result += (result.empty() ? "" : " , ") + value_with_words(text_, text, span);
      answer_end_ = offset + span.end;
    }
    return result;
  }

  /// Without an announcement: what stands last, mathematics or a number.
  void last_expressions() {
    const bool is_question = is_asked(text_, begin_of(bare(text_)), end_of(bare(text_)));
    if (whole_text_is_answer() && !is_question) {
      push(std::string(without_label(bare(text_))), Origin::number, true);
    }
    if (const auto odds = odds_in(text_)) push(*odds, Origin::number, true);
    const std::vector<Span> found = mathematics_in(text_, options_.targets);
    for (size_t i = found.size(); i > 0 && candidates_.size() < kMaxCandidates; --i) {
      const Span& last = found[i - 1];
      if (is_refused(last) || is_denied(found, i - 1)) continue;  // "it is not 18"
      if (is_step_label(last) || is_asked(text_, last.begin, last.end)) continue;
      const bool is_span = is_math_span(last);
      const size_t first = is_span ? first_joined_span(found, i - 1) : first_offered(found, i - 1);
      std::string joined;
      for (size_t k = first; k < i; ++k) {
        joined += (k > first ? " , " : "") + value_with_words(text_, text_, found[k]);
      }
      push(joined, is_span ? Origin::span : Origin::number, !is_span);
      if (!is_span && !is_altered(text_, last)) {
        push(last_number_in(last.inside), Origin::number, true);
      }
      i = first + 1;
    }
    if (!found.empty() || is_question) return;
    if (const auto number = number_stated_in_words(bare(text_))) {
      push(*number, Origin::number, true);
    }
  }

  Link link_before(const std::vector<Span>& found, size_t i) const {
    const size_t before = found[i - 1].end;
    if (found[i].begin < before) return {};
    return link_between(text_.substr(before, found[i].begin - before));
  }

  /// "$1$ and $2$": the first of the spans that are joined to the one at `last`.
  size_t first_joined_span(const std::vector<Span>& found, size_t last) const {
    size_t first = last;
    while (first > 0 && last - first < 5 && is_math_span(found[first - 1]) &&
           link_before(found, first).adds) {
      --first;
    }
    return first;
  }

  /// "5 or 6", and a list of eight or more: the first of some numbers of which none is the answer.
  size_t first_offered(const std::vector<Span>& found, size_t last) const {
    constexpr size_t kLongList = 8;
    size_t first = last;
    bool offers = false;
    while (first > 0 && last - first < kLongList && !is_math_span(found[first - 1])) {
      const Link link = link_before(found, first);
      if (!link.adds) break;
      offers = offers || link.offers;
      --first;
    }
    return offers || last - first + 1 >= kLongList ? first : last;
  }

  /// "Step 1: think."
  bool is_step_label(const Span& span) const {
    const std::string_view before = text_.substr(0, span.begin);
    return (before.ends_with("Step ") || before.ends_with("step ")) &&
           text_.substr(span.end).starts_with(':');
  }

  /// "not 5", "> 5", and the 6 of "neither 5 nor 6". Bounds count where an answer is announced.
  bool is_denied(const std::vector<Span>& found, size_t i) const {
    constexpr size_t kMaxJoined = 4;
    for (size_t steps = 0; steps < kMaxJoined; ++steps) {
      const Stance stance = stance_of(text_, found[i].begin, found[i].end);
      if (stance == Stance::denied || stance == Stance::related) return true;
      if (i == 0 || found[i].begin < found[i - 1].end) return false;
      const size_t before = found[i - 1].end;
      if (!link_between(text_.substr(before, found[i].begin - before)).shares_denial) return false;
      --i;
    }
    return false;
  }

  bool is_math_span(const Span& span) const {
    const char c = text_[span.begin];
    return c == '$' ? span.inside.size() + 2 <= span.end - span.begin : c == '\\';
  }

  /// A short text without sentences is itself the answer: "3x + 4y = 14", "1 1/4".
  bool whole_text_is_answer() const {
    const std::string_view whole = bare(text_);
    return !whole.empty() && whole.size() <= 200 && whole.find('\n') == std::string_view::npos &&
           whole.find('$') == std::string_view::npos &&
           whole.find("\\boxed") == std::string_view::npos && is_short_mathematics(whole) &&
           may_read(whole) && (options_.targets.expr || options_.targets.latex);
  }

  std::string_view text_;
  const ExtractOptions& options_;
  std::vector<Candidate> candidates_;
  std::optional<std::vector<Anchor>> anchors_;  // found when they are first asked for
  std::vector<std::pair<size_t, size_t>> refused_;
  bool is_box_empty_ = false;
  size_t answer_end_ = 0;  // of the answer that was found last
  size_t final_answer_at_ = 0;
  size_t num_before_final_ = 0;
};

}  // namespace

std::vector<Candidate> extract_candidates(std::string_view text, const ExtractOptions& options) {
  const std::optional<std::string> plain = with_ascii_digits(text);
  return Extractor(plain ? *plain : text, options).run();
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
