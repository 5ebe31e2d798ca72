// Rule `accuracy`: the completion's final answer is the row's, as the grader of mathematics
// (rewards/math/math_grader.h) or another verifier's profile says.
//
//   right 1, wrong 0 (settable); no readable gold: skipped, never 0.

#include "base/printable.h"
#include "rewards/rules.h"
#include "rewards/rules/judgement.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

struct AccuracyConfig {
  AnswerConfig answer;
  double right = 1.0;
  double wrong = 0.0;
  std::optional<double> no_answer;
  bool must_finish = false;
};

template <class Field>
void describe(AccuracyConfig& c, Field&& field) {
  describe(c.answer, field);
  field("right", c.right, any(), "reward of a right answer");
  field("wrong", c.wrong, any(), "reward of a wrong answer");
  field("no_answer", c.no_answer, any(), "reward where no answer is found; none: as wrong");
  field("must_finish", c.must_finish, any(),
        "a completion cut at the length limit is wrong whatever it says");
}

double value_of(Judgement::Kind kind, bool is_truncated, const AccuracyConfig& config) {
  if (kind == Judgement::Kind::no_answer) return config.no_answer.value_or(config.wrong);
  if (config.must_finish && is_truncated) return config.wrong;
  return kind == Judgement::Kind::right ? config.right : config.wrong;
}

Grade accuracy_of(const RewardInput& input, const AccuracyConfig& config) {
  const Judgement judgement = judge(input, config.answer);
  if (judgement.kind == Judgement::Kind::unknown) return skipped(judgement.reason);
  Grade grade = scored(value_of(judgement.kind, input.truncated, config));
  grade.details = {{"verdict", judgement.verdict}, {"gold", printable(judgement.gold, 200)}};
  if (!judgement.answer.empty()) {
    grade.details["answer"] = printable(judgement.answer, 200);
    grade.details["place"] = judgement.place;
  }
  return grade;
}

}  // namespace

std::unique_ptr<RewardRule> make_accuracy_rule(const RewardConfig& config) {
  const auto options = read_options<AccuracyConfig>(config);
  check_profile(options.answer, source_of(config));
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return accuracy_of(input, options);
  });
}

std::vector<SettingInfo> accuracy_options() {
  return list_settings(AccuracyConfig{});
}

}  // namespace gradus::rewards
