// Rule `regex`: a regular expression is found in the completion, or in a part of it.
//
//   right 1, wrong 0 (settable): min_count <= number of matches <= max_count; with `group`, the
//   last match's group is one of the row's answers (no reference in the row: skipped)
//
// PCRE2's syntax. A pattern that is none is refused when the rule is made. A search past
// `max_steps` is given up: the text has not shown that it matches, so that it is paid as wrong,
// with the reason.

#include "base/error.h"
#include "base/printable.h"
#include "rewards/rule_record.h"
#include "rewards/rules/part_setting.h"
#include "rewards/rules/reference.h"
#include "rewards/scores/bounded_regex.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

struct RegexConfig {
  std::string pattern;
  TextPart part = TextPart::all;
  bool whole = false;
  RegexOptions flags;
  int64_t min_count = 1;
  int64_t max_count = 0;
  int group = 0;
  std::string reference = "answer";
  TextNormalization normalization;
  double right = 1.0;
  double wrong = 0.0;
  int64_t max_steps = BoundedRegex::kMaxSteps;
};

template <class Field>
void describe(RegexConfig& c, Field&& field) {
  field("pattern", c.pattern, non_empty(), "regular expression in Perl's syntax (PCRE2)");
  describe_part(c.part, field);
  field("whole", c.whole, any(), "the pattern is the whole part, not somewhere in it");
  field("multi_line", c.flags.multi_line, any(), "^ and $ match at every line");
  field("dot_all", c.flags.dot_all, any(), ". matches a newline");
  field("min_count", c.min_count, at_least(0),
        "matches that are needed; 0: max_count alone decides");
  field("max_count", c.max_count, at_least(0), "matches that are allowed; 0: any number");
  field("group", c.group, at_least(0),
        "this group of the last match must be the row's answer; 0: the match decides");
  field("reference", c.reference, non_empty(), "column with that answer, or a list of them");
  describe(c.normalization, field);
  field("right", c.right, any(), "reward where it holds");
  field("wrong", c.wrong, any(), "reward where it does not");
  field("max_steps", c.max_steps, between(1000, 1e9),
        "work of one grading, counted; a million steps are about 30 ms");
}

BoundedRegex compile(const RegexConfig& options, const RewardConfig& config) {
  RegexOptions flags = options.flags;
  flags.ignore_case = options.normalization.ignore_case;
  try {
    return BoundedRegex(options.pattern, flags);
  } catch (const ArgumentError& error) {
    throw ConfigError(source_of(config) + ": pattern: \"" + printable(options.pattern, 200) +
                      "\" is not a regular expression: " + error.what());
  }
}

class RegexRule {
 public:
  RegexRule(RegexConfig options, BoundedRegex regex)
      : options_(std::move(options)), regex_(std::move(regex)) {}

  Grade grade(const RewardInput& input) const {
    References golds;
    if (options_.group > 0) golds = references_of(input.row, options_.reference);
    if (!golds.missing.empty()) return skipped(golds.missing);
    const auto part = part_of(input.completion, options_.part);
    if (!part) return wrong(absence_of(options_.part));
    const RegexMatches found = search(*part);
    if (found.is_over_budget) {
      return wrong("the search took more than max_steps = " + std::to_string(options_.max_steps));
    }
    const auto count = static_cast<int64_t>(found.matches.size());
    Grade grade = wrong("");
    grade.details = {{"matches", count}};
    if (!found.matches.empty()) {
      const auto shown = found.matches.back()[static_cast<size_t>(options_.group)];
      grade.details["last"] = printable(shown.value_or(""), 200);
    }
    const bool is_allowed = options_.max_count == 0 || count <= options_.max_count;
    if (count < options_.min_count || !is_allowed) return grade;
    if (options_.group > 0 && !is_gold(found.matches, golds)) return grade;
    grade.value = options_.right;
    return grade;
  }

 private:
  Grade wrong(std::string reason) const {
    Grade grade = scored(options_.wrong);
    grade.reason = std::move(reason);
    return grade;
  }

  // Matches are counted only as far as they can change the verdict.
  RegexMatches search(std::string_view text) const {
    if (options_.whole) return regex_.match_whole(text, options_.max_steps);
    const bool counts_all = options_.group > 0;
    const int64_t enough = std::max(options_.min_count, options_.max_count + 1);
    return regex_.find(text, counts_all ? text.size() + 1 : static_cast<size_t>(enough),
                       options_.max_steps);
  }

  bool is_gold(const std::vector<RegexMatch>& matches, const References& golds) const {
    if (matches.empty()) return false;
    const auto& group = matches.back()[static_cast<size_t>(options_.group)];
    if (!group) return false;
    const std::string answer = normalized_text(*group, options_.normalization);
    for (const std::string& gold : golds.texts) {
      if (normalized_text(gold, options_.normalization) == answer) return true;
    }
    return false;
  }

  RegexConfig options_;
  BoundedRegex regex_;
};

std::unique_ptr<RewardRule> make_regex_rule(const RewardConfig& config) {
  auto options = read_options<RegexConfig>(config);
  BoundedRegex regex = compile(options, config);
  if (static_cast<size_t>(options.group) > regex.num_groups()) {
    throw ConfigError(source_of(config) + ": group: is " + std::to_string(options.group) +
                      ", the pattern has " + std::to_string(regex.num_groups()) + " groups");
  }
  if (options.max_count > 0 && options.max_count < options.min_count) {
    throw ConfigError(source_of(config) + ": max_count: is " + std::to_string(options.max_count) +
                      ", must be >= min_count = " + std::to_string(options.min_count));
  }
  if (options.max_count == 0 && options.min_count == 0) {
    throw ConfigError(source_of(config) + ": min_count: is 0, must be >= 1 without a max_count. " +
                      "For a text that must not match, swap right and wrong");
  }
  const auto rule = std::make_shared<const RegexRule>(std::move(options), std::move(regex));
  return std::make_unique<SimpleRule>(
      config.display_name(), [rule](const RewardInput& input) { return rule->grade(input); });
}

}  // namespace

extern const RewardRuleRecord kRegexRule{
    "regex", "a regular expression is found, or its group is the row's answer", make_regex_rule,
    options_of<RegexConfig>};

}  // namespace gradus::rewards
