// Rule `word_overlap`: words that the completion, or a part of it, shares with the row's answer.
//
//   f1 = 2 P R / (P + R), P = common / words of the answer, R = common / words of the gold;
//   the best over several golds; no reference in the row: skipped
//
// Source: SQuAD (arXiv:1606.05250); recall alone is paid for by repeating the dictionary.

#include "base/printable.h"
#include "rewards/rule_record.h"
#include "rewards/rules/part_setting.h"
#include "rewards/rules/reference.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

enum class OverlapScore { f1, precision, recall };

struct WordOverlapConfig {
  std::string reference = "answer";
  TextPart part = TextPart::answer;
  OverlapScore score = OverlapScore::f1;
  TextNormalization normalization{true, true, true, true};
};

template <class Field>
void describe(WordOverlapConfig& c, Field&& field) {
  field("reference", c.reference, non_empty(),
        "column of the data with the right text, or a list of them; a.b: inside a");
  describe_part(c.part, field);
  field("score", c.score,
        one_of<OverlapScore>({{"f1", OverlapScore::f1},
                              {"precision", OverlapScore::precision},
                              {"recall", OverlapScore::recall}}),
        "f1 of words (SQuAD), or one of its parts");
  describe(c.normalization, field);
}

double score_of(const WordOverlap& overlap, OverlapScore score) {
  if (score == OverlapScore::precision) return overlap.precision;
  return score == OverlapScore::recall ? overlap.recall : overlap.f1;
}

Grade word_overlap_of(const RewardInput& input, const WordOverlapConfig& config) {
  const References golds = references_of(input.row, config.reference);
  if (golds.texts.empty()) return skipped(golds.missing);
  Grade grade = scored(0.0);
  const auto part = part_of(input.completion, config.part);
  if (!part) {
    grade.reason = absence_of(config.part);
    return grade;
  }
  const std::string answer = normalized_text(*part, config.normalization);
  for (const std::string& gold : golds.texts) {
    const auto overlap = word_overlap(answer, normalized_text(gold, config.normalization));
    const double score = score_of(overlap, config.score);
    if (score < grade.value || !(grade.details.is_null() || score > grade.value)) continue;
    grade.value = score;
    grade.details = {{"gold", printable(gold, 200)},
                     {"precision", overlap.precision},
                     {"recall", overlap.recall}};
  }
  return grade;
}

std::unique_ptr<RewardRule> make_word_overlap_rule(const RewardConfig& config) {
  const auto options = read_options<WordOverlapConfig>(config);
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return word_overlap_of(input, options);
  });
}

}  // namespace

extern const RewardRuleRecord kWordOverlapRule{
    "word_overlap", "f1 of the words shared with the row's answer (SQuAD)", make_word_overlap_rule,
    options_of<WordOverlapConfig>};

}  // namespace gradus::rewards
