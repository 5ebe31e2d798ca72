// Rule `countdown`: an expression over the row's numbers, each used once, reaches its target.
//
// Exact rationals; the expression is parsed here, never evaluated as code. As in TinyZero all
// numbers must be used (`use_all`), and what is found but wrong can earn a little (`attempt`).

#include <algorithm>

#include "base/printable.h"
#include "rewards/answers/answer_extraction.h"
#include "rewards/answers/dressing.h"
#include "rewards/rule_record.h"
#include "rewards/rules/reference.h"
#include "rewards/scores/arithmetic.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

using math::Rational;

struct CountdownConfig {
  std::string target = "target";
  std::string numbers = "numbers";
  AnswerPlace extract = AnswerPlace::answer_tag;
  bool use_all = true;
  double right = 1.0;
  double attempt = 0.0;
  double wrong = 0.0;
};

template <class Field>
void describe(CountdownConfig& c, Field&& field) {
  field("target", c.target, non_empty(), "column with the target");
  field("numbers", c.numbers, non_empty(), "column with the list of numbers");
  field("extract", c.extract,
        one_of<AnswerPlace>({{"answer_tag", AnswerPlace::answer_tag},
                             {"boxed", AnswerPlace::boxed},
                             {"hash", AnswerPlace::hash},
                             {"phrase", AnswerPlace::phrase},
                             {"whole", AnswerPlace::whole}}),
        "where the expression stands");
  field("use_all", c.use_all, any(), "every number must be used; false: at most once each");
  field("right", c.right, any(), "reward of a right expression");
  field("attempt", c.attempt, any(), "reward of an expression that is found but wrong");
  field("wrong", c.wrong, any(), "reward where no expression is found");
}

struct Puzzle {
  Rational target;
  std::vector<Rational> numbers;
};

// A column may lie in the row itself or, as in reasoning-gym, in its `metadata`.
const nlohmann::json* column_of(const nlohmann::json* row, const std::string& name) {
  const auto* value = value_at(row, name);
  return value != nullptr ? value : value_at(row, "metadata." + name);
}

// 24, 24.0 and "24" are the same: a table's column may have come as any of them.
std::optional<Rational> number_in(const nlohmann::json& value) {
  if (!value.is_number() && !value.is_string()) return std::nullopt;
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  std::string_view digits = trimmed(text);
  const bool is_negative = digits.starts_with('-');
  if (is_negative) digits.remove_prefix(1);
  const auto number = Rational::from_decimal(digits);
  return number && is_negative ? -*number : number;
}

std::optional<Puzzle> puzzle_of(const nlohmann::json* row, const CountdownConfig& config) {
  const auto* target = column_of(row, config.target);
  const auto* numbers = column_of(row, config.numbers);
  if (target == nullptr || numbers == nullptr || !numbers->is_array()) return std::nullopt;
  Puzzle puzzle;
  const auto value = number_in(*target);
  if (!value) return std::nullopt;
  puzzle.target = *value;
  for (const auto& entry : *numbers) {
    const auto number = number_in(entry);
    if (!number) return std::nullopt;
    puzzle.numbers.push_back(*number);
  }
  return puzzle;
}

// "expression = target" is accepted for the expression.
std::string_view left_of_equals(std::string_view text) {
  const std::string_view plain = trimmed(text);
  return trimmed(plain.substr(0, plain.find('=')));
}

std::string fault_of(const ArithmeticResult& result, Puzzle puzzle, bool use_all) {
  if (!result.value) return result.fault;
  std::vector<Rational> used = result.numbers;
  std::sort(used.begin(), used.end());
  std::sort(puzzle.numbers.begin(), puzzle.numbers.end());
  const bool is_allowed = use_all ? used == puzzle.numbers
                                  : std::includes(puzzle.numbers.begin(), puzzle.numbers.end(),
                                                  used.begin(), used.end());
  if (!is_allowed) return "does not use the given numbers once each";
  return *result.value == puzzle.target ? "" : "does not reach the target";
}

Grade countdown_of(const RewardInput& input, const CountdownConfig& config) {
  const auto puzzle = puzzle_of(input.row, config);
  if (!puzzle) {
    return skipped("the row has no number \"" + config.target + "\" or no list \"" +
                   config.numbers + "\"");
  }
  const auto answer = extract_answer(input.completion, config.extract);
  if (!answer) return scored(config.wrong);
  const auto result = evaluate_arithmetic(left_of_equals(undressed(answer->text)));
  const std::string fault = fault_of(result, *puzzle, config.use_all);
  Grade grade = scored(fault.empty() ? config.right : config.attempt);
  grade.details = {{"expression", printable(answer->text, 200)}};
  if (!fault.empty()) grade.details["fault"] = fault;
  return grade;
}

std::unique_ptr<RewardRule> make_countdown_rule(const RewardConfig& config) {
  const auto options = read_options<CountdownConfig>(config);
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return countdown_of(input, options);
  });
}

}  // namespace

extern const RewardRuleRecord kCountdownRule{
    "countdown", "an expression over the given numbers reaches the target", make_countdown_rule,
    options_of<CountdownConfig>};

}  // namespace gradus::rewards
