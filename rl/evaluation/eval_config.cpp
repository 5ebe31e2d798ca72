#include "rl/evaluation/eval_config.h"

#include <algorithm>
#include <utility>

#include "rl/evaluation/set_names.h"

namespace gradus::rl {
namespace {

SettingConstraint set_name() {
  SettingConstraint constraint;
  constraint.text = "letters, digits, '-', '_' and '.', and no figure's name";
  constraint.holds = [](const nlohmann::json& value) {
    const auto& name = value.get_ref<const std::string&>();
    const auto is_plain = [](unsigned char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_' || c == '.';
    };
    return !name.empty() && std::ranges::all_of(name, is_plain) && is_free_set_name(name);
  };
  return std::move(constraint).hint("its figures are eval/NAME/accuracy and so on");
}

}  // namespace

void describe(EvalSet& c, SettingFields& field) {
  field("name", c.name, set_name(), "of its figures: eval/NAME/accuracy, ...");
  field.section("data", c.data, "its problems, as eval.data");
  field("seed", c.seed, any(), "as eval.seed");
  field("samples", c.samples, at_least(1), "as eval.samples");
  field("temperature", c.temperature, between(0.0, 100.0), "as eval.temperature");
  field("max_tokens", c.max_tokens, at_least(0), "as eval.max_tokens");
  field("answer_rule", c.answer_rule, any(), "as eval.answer_rule");
  field("right_from", c.right_from, any(), "as eval.right_from");
  field.tables("rewards", c.rewards, "its reward rules; none: those of eval.rewards");
}

void describe(EvalConfig& c, SettingFields& field) {
  field.section("data", c.data,
                "the held-out problems; count 0: all of them; template, system, chat_template and "
                "chat = false are those of [data] unless given here");
  field("seed", c.seed, any(),
        "of a generated task's problems, which are therefore the same for every run.seed");
  field("samples", c.samples, at_least(1), "completions per problem, for pass@k and maj@k");
  field("temperature", c.temperature, between(0.0, 100.0), "0: greedy");
  field("max_tokens", c.max_tokens, at_least(0), "longest completion; 0: rollout.max_tokens");
  field("answer_rule", c.answer_rule, any(),
        "name of the rule that says whether an answer is right; empty: the first rule");
  field("right_from", c.right_from, any(), "an answer is right from this grade of that rule on");
  field.tables("rewards", c.rewards, "reward rules of the evaluation; none: those of training");
  field.tables(
      "sets", c.sets,
      "further held-out problems under names; without eval.data, eval/accuracy is the mean "
      "over them");
}

}  // namespace gradus::rl
