#include "rl/evaluation/eval_config.h"

namespace gradus::rl {

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
}

}  // namespace gradus::rl
