// Rule `accuracy`: the completion's final answer equals the row's, exactly.
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

const char* word_of(Judgement::Kind kind) {
  if (kind == Judgement::Kind::right) return "equal";
  return kind == Judgement::Kind::wrong ? "different" : "no_answer";
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
  grade.details = {{"verdict", word_of(judgement.kind)}, {"gold", printable(judgement.gold, 200)}};
  if (judgement.answer) {
    grade.details["answer"] = printable(judgement.answer->text, 200);
    grade.details["place"] = place_name(judgement.answer->place);
  }
  return grade;
}

}  // namespace

std::unique_ptr<RewardRule> make_accuracy_rule(const RewardConfig& config) {
  const auto options = read_options<AccuracyConfig>(config);
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return accuracy_of(input, options);
  });
}

std::vector<SettingInfo> accuracy_options() {
  return list_settings(AccuracyConfig{});
}

}  // namespace gradus::rewards
