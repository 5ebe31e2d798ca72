#include "rewards/math/math_grader.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/ascii.h"
#include "rewards/math/answer_text.h"
#include "rewards/math/dates.h"
#include "rewards/math/finding/number_words.h"
#include "rewards/math/finding/wording.h"
#include "rewards/math/finding/words.h"
#include "rewards/math/prepare.h"
#include "rewards/math/reading/parser.h"
#include "rewards/math/reading/text_scan.h"
#include "rewards/math/special/chemistry.h"
#include "rewards/math/special/special_answers.h"

namespace gradus::rewards::math {
namespace {

ParsedMath parse(const std::string& text, const MathOptions& options, bool comma_is_decimal) {
  ParseOptions parsing;
  parsing.allows_malformed = options.malformed_operators;
  parsing.style.comma_is_decimal = comma_is_decimal;
  if (is_struck_out(text)) {
    return {{}, ParsedMath::Fault::syntax, "the whole answer is struck out"};
  }
  ParsedMath parsed = parse_math(readable(text), parsing);
  if (parsed.fault != ParsedMath::Fault::syntax) return parsed;
  const std::string_view value = behind_unread_name(text);
  if (value.empty()) return parsed;
  ParsedMath of_value = parse_math(value, parsing);
  return of_value.ok() ? of_value : parsed;
}

class MathGrade {
 public:
  MathGrade(std::string_view gold, std::string_view prediction, const MathOptions& options,
            bool explains)
      : gold_text_(gold), prediction_(prediction), options_(options), explains_(explains) {}

  MathVerdict run() && {
    if (!options_.reasoning_delimiters.empty() &&
        !cut_reasoning(prediction_, options_.reasoning_delimiters)) {
      return std::move(verdict_);
    }
    if (options_.targets.string && graded_as_choice()) return std::move(verdict_);
    if (options_.targets.string && !options_.targets.latex && !options_.targets.expr) {
      return std::move(verdict_);
    }
    read_gold();
    if (!graded_as_date()) read_answers();
    return std::move(verdict_);
  }

 private:
  bool graded_as_choice() {
    ExtractOptions extract;
    extract.strings = options_.strings;
    const Choice gold = extract_choice(gold_text_, extract);
    const Choice answer = extract_choice(prediction_, extract);
    if (gold.letter.empty()) {
      verdict_.reason = Reason::unparsable_gold;
      return !options_.targets.latex && !options_.targets.expr;
    }
    verdict_.gold = gold.letter;
    verdict_.answer = answer.letter;
    verdict_.place = "choice";
    verdict_.path = "choices";
    if (answer.is_hedged) {
      verdict_.reason = Reason::hedged;
      return true;
    }
    if (answer.letter.empty()) return false;
    verdict_.reason = answer.letter == gold.letter ? Reason::equal : Reason::different;
    return true;
  }

  ExtractOptions extraction(bool is_gold) const {
    ExtractOptions extract;
    extract.targets = is_gold ? options_.gold_targets : options_.targets;
    extract.strings = options_.strings;
    extract.boxed_match_priority =
        is_gold ? options_.gold_boxed_match_priority : options_.boxed_match_priority;
    extract.try_extract_without_anchor = is_gold || options_.try_extract_without_anchor;
    return extract;
  }

  /// The gold: an answer if it reads as one as a whole, else a text that holds one.
  void read_gold() {
    const bool has_box = gold_text_.find("\\boxed") != std::string_view::npos ||
                         gold_text_.find("\\fbox") != std::string_view::npos;
    if (const std::string_view letter = behind_choice_word(gold_text_); !letter.empty()) {
      gold_text_ = letter;  // "Option B"
    }
    const bool is_formula = !has_box && same_chemistry(gold_text_, gold_text_).value_or(false);
    if (is_formula || (!has_box && is_decided_by_words(gold_text_))) {
      gold_words_ = without_dollars(gold_text_);  // its number alone is no answer
      return;
    }
    if (options_.is_gold_bare || !has_box) {
      gold_words_ = without_dollars(gold_text_);
      const bool has_mark = gold_words_.find("####") != std::string::npos;
      const bool is_decimal =
          has_decimal_comma(gold_text_) && gold_text_.find('$') == std::string_view::npos;
      ParsedMath parsed = parse(gold_words_, options_, is_decimal);
      if (parsed.ok() && !has_mark) {
        gold_ = std::move(parsed.tree);
        if (is_decimal && gold_words_.find('=') != std::string::npos) read_gold_as_list();
        return;
      }
      const bool is_broken = !has_box && !has_mark && !may_hold_answer(gold_text_);
      if (is_broken || (options_.is_gold_bare && !has_mark && !has_box)) return;
    }
    for (const Candidate& candidate : extract_candidates(gold_text_, extraction(true))) {
      ParsedMath parsed =
          parse(candidate.text, options_, candidate.is_plain && has_decimal_comma(candidate.text));
      if (candidate.origin == Candidate::Origin::box) gold_words_ = candidate.text;
      if (!parsed.ok()) continue;
      gold_ = std::move(parsed.tree);
      gold_words_ = candidate.text;
      return;
    }
  }

  /// "x=2,3" may be one number or two solutions: nobody can tell, so either is right.
  void read_gold_as_list() {
    ParsedMath parsed = parse(gold_words_, options_, false);
    if (parsed.ok()) gold_as_list_ = std::move(parsed.tree);
  }

  /// Days are compared as days: the digits of "2024-03-03" would be arithmetic.
  bool graded_as_date() {
    const auto gold = parse_date(deliberate_part(gold_text_).value_or(gold_text_));
    if (!gold) return false;
    const auto part =
        options_.is_answer_bare ? std::optional(prediction_) : deliberate_part(prediction_);
    const std::vector<std::string_view> dates = part ? std::vector{*part} : find_dates(prediction_);
    verdict_.gold = gold_words_;
    if (dates.empty()) return true;
    const std::string_view text = dates.back();
    verdict_.answer = bare(text);
    verdict_.place = part ? "final answer" : "last date";
    if (dates.size() > 1 && parse_date(dates[dates.size() - 2]) != parse_date(text)) {
      const char* begin = dates[dates.size() - 2].data() + dates[dates.size() - 2].size();
      const std::string_view between(begin, static_cast<size_t>(text.data() - begin));
      if (bare(between.substr(joining_at(between))).empty()) {
        decide(Reason::hedged, "dates");
        return true;
      }
    }
    const auto answer = parse_date(text);
    if (!answer) {
      decide(same_words(gold_words_, text) ? Reason::equal : Reason::unparsable_answer, "dates");
      return true;
    }
    CalendarDate asked = *answer;
    if (gold->year == 0) asked.year = 0;  // a year that nobody asked for does no harm
    decide(asked == *gold ? Reason::equal : Reason::different, "dates");
    return true;
  }

  /// What stands in the last box, in <answer> or behind ####.
  static std::optional<std::string_view> deliberate_part(std::string_view text) {
    const std::vector<Span> boxes = find_boxes(text);
    if (!boxes.empty()) return boxes.back().inside;
    if (const size_t open = text.rfind("<answer>"); open != std::string_view::npos) {
      const std::string_view inside = text.substr(open + 8);
      return inside.substr(0, inside.find("</answer>"));
    }
    const size_t mark = text.rfind("####");
    if (mark == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(mark + 4);
    return line.substr(0, line.find('\n'));
  }

  std::vector<Candidate> candidates() const {
    if (!options_.is_answer_bare || !find_boxes(prediction_).empty()) {
      return extract_candidates(prediction_, extraction(false));
    }
    const std::string whole = without_dollars(prediction_);
    if (whole.empty()) return {};
    return {{whole, Candidate::Origin::box, false}};
  }

  /// "No, because 7 does not divide 10.", for a gold of yes or no.
  bool graded_as_truth() {
    const auto gold = truth_word(gold_words_);
    if (!gold) return false;
    const auto part = deliberate_part(prediction_);
    if (part && same_chemistry(gold_words_, *part) == false) return false;  // NO is no No
    const std::string_view announced = part ? *part : announced_text(prediction_);
    const auto answer = truth_in(announced.empty() ? prediction_ : announced, gold_words_);
    if (!answer) return false;
    verdict_.answer = *answer ? "yes" : "no";
    verdict_.place = part ? "final answer" : announced.empty() ? "statement" : "phrase";
    decide(*answer == *gold ? Reason::equal : Reason::different, "yes or no");
    return true;
  }

  /// "The answer is Joan F. Sample.", word for word.
  bool is_stated() {
    const bool has_word = is_plain_wording(gold_words_);
    if (!has_word || !find_boxes(prediction_).empty()) return false;
    const auto part = deliberate_part(prediction_);
    std::string_view text = part ? *part : announced_text(prediction_);
    if (text.empty()) {
      const std::string_view said = behind_copula(prediction_);
      text = !said.empty() && states(said, gold_words_) ? said : prediction_;
    }
    if (same_chemistry(gold_words_, text) == false || !states(text, gold_words_)) return false;
    verdict_.answer = gold_words_;
    verdict_.place = part ? "final answer" : "phrase";
    decide(Reason::equal, "the same words");
    return true;
  }

  /// "The answer is Monday.", for a gold in words. Boxes are candidates whatever stands in them.
  bool is_said_in_words() {
    if (graded_as_truth() || is_stated()) return true;
    if (!is_in_words(gold_words_) || !find_boxes(prediction_).empty()) return false;
    const auto part = deliberate_part(prediction_);
    std::string_view said = part ? *part : announced_statement(prediction_);
    if (said.empty() && options_.gold_targets.string == options_.targets.string) {
      said = prediction_;  // a completion that is nothing but its answer
    }
    if (!same_words(gold_words_, said) || same_chemistry(gold_words_, said) == false) return false;
    verdict_.answer = bare(said);
    verdict_.place = part ? "final answer" : "phrase";
    decide(Reason::equal, "the same words");
    return true;
  }

  bool is_named_choice(std::string_view answer) const {
    const std::string_view gold = bare(gold_words_);
    return gold.size() == 1 && labelled_choice(answer) == gold[0];
  }

  void read_answers() {
    verdict_.gold = gold_words_;
    if (is_said_in_words()) return;
    bool met_budget = false;
    for (const Candidate& candidate : candidates()) {
      verdict_.answer = candidate.text;
      verdict_.place = origin_name(candidate.origin);
      if (const auto formulas = same_chemistry(gold_words_, candidate.text)) {
        return decide(*formulas ? Reason::equal : Reason::different, "formulas of chemistry");
      }
      if (same_words(gold_words_, candidate.text) || bare(gold_words_) == bare(candidate.text) ||
          is_named_choice(candidate.text)) {
        decide(Reason::equal, "the same text");
        return;
      }
      if (const auto verdict = special_verdict(gold_words_, candidate.text, same_part())) {
        return decide(verdict->is_equal ? Reason::equal : Reason::different, verdict->path);
      }
      if (is_long_word(gold_words_) && is_long_word(candidate.text)) {
        return decide(Reason::different, "words");  // no products of their letters
      }
      ParsedMath parsed =
          parse(candidate.text, options_, candidate.is_plain && has_decimal_comma(candidate.text));
      if (parsed.ok() && gold_) return compare(parsed.tree, candidate);
      if (parsed.fault == ParsedMath::Fault::budget) met_budget = true;
      verdict_.reason = met_budget ? Reason::budget : Reason::unparsable_answer;
      verdict_.path = parsed.reason;
      // What the model put in a box, a tag or behind #### is its answer, readable or not.
      const bool is_deliberate = candidate.origin == Candidate::Origin::box ||
                                 candidate.origin == Candidate::Origin::tag ||
                                 candidate.origin == Candidate::Origin::hash;
      if (is_deliberate || options_.is_first_match) break;
    }
    if (gold_) return;
    if (!is_plain_wording(gold_words_)) {
      verdict_.reason = Reason::unparsable_gold;
    } else if (verdict_.reason != Reason::no_answer) {
      decide(Reason::different, "words");
    }
  }

  /// Grades parts of an answer as answers of their own.
  std::function<bool(std::string_view, std::string_view)> same_part() const {
    return [this](std::string_view gold, std::string_view answer) {
      if (depth_ > 2) return false;
      MathOptions options = options_;
      options.is_gold_bare = options.is_answer_bare = true;
      options.reasoning_delimiters.clear();
      MathGrade part(gold, answer, options, false);
      part.depth_ = depth_ + 1;
      return std::move(part).run().is_right();
    };
  }

  void compare(const Tree& answer, const Candidate& candidate) {
    Comparison comparison(*gold_, answer, options_.compare);
    bool is_equal = comparison.equal();
    std::string path = comparison.path();
    bool is_spent = comparison.is_spent();
    if (explains_) {
      verdict_.gold_form = comparison.gold_text();
      verdict_.answer_form = comparison.answer_text();
    }
    if (!is_equal && has_decimal_comma(candidate.text) && !candidate.is_plain) {
      // "2,74" in a box may be a decimal where the gold is one number.
      const ParsedMath decimal = parse(candidate.text, options_, true);
      if (decimal.ok() && decimal.tree.at(decimal.tree.root).kind == NodeKind::number &&
          gold_->at(gold_->root).kind == NodeKind::number) {
        is_equal = Comparison(*gold_, decimal.tree, options_.compare).equal();
      }
    }
    if (!is_equal && is_list(*gold_) && has_group(candidate.text)) {
      // "12,144" beside 12, 144
      ParseOptions parsing;
      parsing.style.commas_group = false;
      const ParsedMath list = parse_math(candidate.text, parsing);
      is_equal = list.ok() && Comparison(*gold_, list.tree, options_.compare).equal();
    }
    if (!is_equal && gold_as_list_) {
      is_equal = Comparison(*gold_as_list_, answer, options_.compare).equal();
    }
    if (!is_equal && options_.allows_several) is_equal = any_item_equal(answer);
    if (is_equal && options_.needs_value && comparison.is_left_open()) {
      return decide(Reason::unevaluated, "a sum that was not worked out");
    }
    const bool is_several = !is_equal && is_list(answer) && !is_list(*gold_);
    decide(is_equal     ? Reason::equal
           : is_spent   ? Reason::budget
           : is_several ? Reason::hedged
                        : Reason::different,
           path);
  }

  static bool is_list(const Tree& tree) {
    return tree.at(tree.root).kind == NodeKind::list ||
           contains(tree, tree.root, NodeKind::plus_minus);
  }

  bool any_item_equal(const Tree& answer) const {
    const Node& root = answer.at(answer.root);
    if (root.kind != NodeKind::list) return false;
    for (const int32_t item : root.kids) {
      Tree one = answer;
      one.root = item;
      if (Comparison(*gold_, one, options_.compare).equal()) return true;
    }
    return false;
  }

  void decide(Reason reason, std::string path) {
    verdict_.reason = reason;
    verdict_.path = std::move(path);
  }

  std::string_view gold_text_;
  std::string_view prediction_;
  const MathOptions& options_;
  int depth_ = 0;  // of parts within parts
  bool explains_;
  std::optional<Tree> gold_;  // none: the gold cannot be read
  std::optional<Tree> gold_as_list_;
  std::string gold_words_;  // as extracted
  MathVerdict verdict_;
};

}  // namespace

const char* reason_name(Reason reason) {
  switch (reason) {
    case Reason::equal:
      return "equal";
    case Reason::different:
      return "different";
    case Reason::no_answer:
      return "no_answer";
    case Reason::hedged:
      return "hedged";
    case Reason::unevaluated:
      return "unevaluated";
    case Reason::unparsable_answer:
      return "unparsable_answer";
    case Reason::unparsable_gold:
      return "unparsable_gold";
    case Reason::budget:
      break;
  }
  return "budget";
}

MathVerdict grade_math(std::string_view gold, std::string_view prediction,
                       const MathOptions& options, bool explains) {
  return MathGrade(gold, prediction, options, explains).run();
}

}  // namespace gradus::rewards::math
