// Rule `accuracy`: the completion's final answer is the row's, as the grader of mathematics
// (rewards/math/math_grader.h) or another verifier's profile says.
//
//   right 1, wrong 0, or the profile's own score (math_dapo 1 and -1, countdown 1, 0.1 and 0); both
//   settable; no gold: skipped; a gold that cannot be read: failed; neither is ever 0.

#include "base/printable.h"
#include "rewards/rule_record.h"
#include "rewards/rules/judgement.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

struct AccuracyConfig {
  AnswerConfig answer;
  std::optional<double> right;
  std::optional<double> wrong;
  std::optional<double> no_answer;
  bool must_finish = false;
};

template <class Field>
void describe(AccuracyConfig& c, Field&& field) {
  describe(c.answer, field);
  field("right", c.right, any(), "reward of a right answer; none: 1, or the profile's score");
  field("wrong", c.wrong, any(), "reward of a wrong answer; none: 0, or the profile's score");
  field("no_answer", c.no_answer, any(), "reward where no answer is found; none: as wrong");
  field("must_finish", c.must_finish, any(),
        "a completion cut at the length limit is wrong whatever it says");
}

double value_of(const Judgement& judgement, bool is_truncated, const AccuracyConfig& config) {
  const bool is_right = judgement.kind == Judgement::Kind::right;
  if (judgement.kind == Judgement::Kind::no_answer && config.no_answer) return *config.no_answer;
  if (is_right && config.must_finish && is_truncated) {
    return config.wrong.value_or(judgement.lowest_score);
  }
  return (is_right ? config.right : config.wrong).value_or(judgement.score);
}

Grade accuracy_of(const RewardInput& input, const AccuracyConfig& config) {
  const Judgement judgement = judge(input, config.answer);
  if (judgement.kind == Judgement::Kind::unknown) return skipped(judgement.reason);
  if (judgement.kind == Judgement::Kind::unreadable) return failed(judgement.reason);
  Grade grade = scored(value_of(judgement, input.truncated, config));
  grade.details = {{"verdict", judgement.verdict}, {"gold", printable(judgement.gold, 200)}};
  if (!judgement.answer.empty()) {
    grade.details["answer"] = printable(judgement.answer, 200);
    grade.details["place"] = judgement.place;
  }
  return grade;
}

std::unique_ptr<RewardRule> make_accuracy_rule(const RewardConfig& config) {
  const auto options = read_options<AccuracyConfig>(config);
  check_profile(options.answer, source_of(config));
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return accuracy_of(input, options);
  });
}

}  // namespace

extern const RewardRuleRecord kAccuracyRule{"accuracy",
                                            "the final answer equals the row's answer, exactly",
                                            make_accuracy_rule, options_of<AccuracyConfig>};

}  // namespace gradus::rewards
