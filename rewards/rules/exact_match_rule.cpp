// Rule `exact_match`: the completion, or a part of it, is one of the row's answers as text.
//
//   right 1, wrong 0 (settable); no reference in the row: skipped
//
// What may differ (case, white space, punctuation, articles) is set one by one; Unicode's two ways
// of writing an accent are the same. Sources: open-instruct's string matcher, SQuAD's exact match.

#include "base/printable.h"
#include "rewards/rule_record.h"
#include "rewards/rules/part_setting.h"
#include "rewards/rules/reference.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

struct ExactMatchConfig {
  std::string reference = "answer";
  TextPart part = TextPart::answer;
  TextNormalization normalization;
  double right = 1.0;
  double wrong = 0.0;
};

template <class Field>
void describe(ExactMatchConfig& c, Field&& field) {
  field("reference", c.reference, non_empty(),
        "column of the data with the right text, or a list of them; a.b: inside a");
  describe_part(c.part, field);
  describe(c.normalization, field);
  field("right", c.right, any(), "reward of a text that is equal");
  field("wrong", c.wrong, any(), "reward of any other");
}

Grade exact_match_of(const RewardInput& input, const ExactMatchConfig& config) {
  const References golds = references_of(input.row, config.reference);
  if (golds.texts.empty()) return skipped(golds.missing);
  Grade grade = scored(config.wrong);
  const auto part = part_of(input.completion, config.part);
  if (!part) {
    grade.reason = absence_of(config.part);
    return grade;
  }
  const std::string answer = normalized_text(*part, config.normalization);
  grade.details = {{"answer", printable(answer, 200)}, {"gold", printable(golds.texts[0], 200)}};
  for (const std::string& gold : golds.texts) {
    if (normalized_text(gold, config.normalization) != answer) continue;
    grade.value = config.right;
    grade.details["gold"] = printable(gold, 200);
    break;
  }
  return grade;
}

std::unique_ptr<RewardRule> make_exact_match_rule(const RewardConfig& config) {
  const auto options = read_options<ExactMatchConfig>(config);
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return exact_match_of(input, options);
  });
}

}  // namespace

extern const RewardRuleRecord kExactMatchRule{"exact_match",
                                              "the text, or a part of it, is the row's answer",
                                              make_exact_match_rule, options_of<ExactMatchConfig>};

}  // namespace gradus::rewards
