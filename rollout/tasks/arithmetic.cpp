#include <algorithm>

#include "base/error.h"
#include "rollout/tasks/task.h"

namespace gradus::rollout {
namespace {

constexpr const char* kArithmeticName = "arithmetic";

struct ArithmeticConfig {
  int digits = 2;
  std::optional<int64_t> min;
  std::optional<int64_t> max;
  std::string operators = "+-";
};

template <class Field>
void describe(ArithmeticConfig& c, Field&& field) {
  field("digits", c.digits, between(1, 9), "operands have at most this many digits");
  field("min", c.min, between(-1e9, 1e9), "smallest operand; none: 0");
  field("max", c.max, between(-1e9, 1e9), "largest operand; none: as digits says");
  field("operators", c.operators, non_empty(), "which of + - * / occur; quotients are whole");
}

struct Operands {
  int64_t left = 0;
  int64_t right = 0;
  int64_t result = 0;
};

/// A whole quotient: the divisor and the quotient are drawn, the dividend is their product.
Operands draw_division(RandomStream& random, int64_t low, int64_t high) {
  int64_t divisor = draw_between(random, low, high);
  // 0 is replaced by a neighbour in range, so that no draw has to be repeated.
  if (divisor == 0) divisor = high >= 1 ? 1 : -1;
  const int64_t quotient = draw_between(random, low, high);
  return {divisor * quotient, divisor, quotient};
}

Operands draw_operands(RandomStream& random, char operation, int64_t low, int64_t high) {
  if (operation == '/') return draw_division(random, low, high);
  const int64_t left = draw_between(random, low, high);
  const int64_t right = draw_between(random, low, high);
  if (operation == '+') return {left, right, left + right};
  if (operation == '-') return {left, right, left - right};
  return {left, right, left * right};
}

void check_arithmetic(const ArithmeticConfig& config, int64_t low, int64_t high) {
  const std::string where = "data.options of arithmetic: ";
  if (low > high) {
    throw ConfigError(where + "min is " + std::to_string(low) + ", must be <= max, which is " +
                      std::to_string(high));
  }
  if (config.operators.find_first_not_of("+-*/") != std::string::npos)
    throw ConfigError(where + "operators: \"" + config.operators + "\", may only hold + - * /");
  if (low == 0 && high == 0 && config.operators.find('/') != std::string::npos)
    throw ConfigError(where + "operators: / needs an operand other than 0; raise max");
}

nlohmann::json generate_arithmetic(const nlohmann::json& options, RandomStream& random) {
  const auto config = read_task_options<ArithmeticConfig>(options, kArithmeticName);
  const int64_t low = config.min.value_or(0);
  const int64_t high = config.max.value_or(std::max(low, largest_with_digits(config.digits)));
  check_arithmetic(config, low, high);
  const auto choice = random.below(static_cast<int64_t>(config.operators.size()));
  const char operation = config.operators[static_cast<size_t>(choice)];
  const Operands operands = draw_operands(random, operation, low, high);
  const std::string expression = join_terms({operands.left, operands.right}, {operation});
  return {{"question", "What is " + expression + "?"},
          {"answer", std::to_string(operands.result)},
          {"expression", expression}};
}

}  // namespace

extern const Task kArithmeticTask = {
    kArithmeticName, "one operation on two whole numbers: What is 12 + 34?", generate_arithmetic,
    [] { return list_settings(ArithmeticConfig{}); }};

}  // namespace gradus::rollout
