#include "rewards/registry.h"

int main() {
  gradus::rewards::RewardConfig config;
  config.type = "accuracy";
  const nlohmann::json row{{"answer", "\\frac{1}{2}"}};
  gradus::rewards::RewardInput input;
  input.completion = "One of two equal parts, so it is \\boxed{0.5}.";
  input.row = &row;
  const auto grades = gradus::rewards::make_reward_rule(config)->grade({&input, 1});
  return grades.at(0).value == 1.0 ? 0 : 1;
}
