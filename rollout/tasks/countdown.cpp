#include <utility>

#include "base/error.h"
#include "rollout/tasks/task.h"

namespace gradus::rollout {
namespace {

constexpr const char* kCountdownName = "countdown";
/// Random expressions tried until one meets the target's bounds.
constexpr int kMostTries = 20000;

struct CountdownConfig {
  int numbers = 4;
  int64_t min_number = 1;
  int64_t max_number = 99;
  int64_t min_target = 10;
  int64_t max_target = 999;
  std::string operators = "+-*/";
};

template <class Field>
void describe(CountdownConfig& c, Field&& field) {
  field("numbers", c.numbers, between(2, 10), "numbers given");
  field("min_number", c.min_number, between(1, 1e6), "smallest number given");
  field("max_number", c.max_number, between(1, 1e6), "largest number given");
  field("min_target", c.min_target, between(0, 1e9), "smallest target");
  field("max_target", c.max_target, between(0, 1e9), "largest target");
  field("operators", c.operators, non_empty(), "which of + - * / the solution may use");
}

/// A part of the solution; rank 1: a sum or difference, 2: a product or quotient, 3: a number.
struct Part {
  int64_t value = 0;
  std::string text;
  int rank = 3;
};

std::string in_parentheses(const Part& part, bool wanted) {
  return wanted ? "(" + part.text + ")" : part.text;
}

/// left (operation) right, or nothing where the result is negative, broken or out of hand.
std::optional<Part> combine(const Part& left, const Part& right, char operation) {
  constexpr int64_t kMost = 1'000'000'000;
  const int rank = operation == '+' || operation == '-' ? 1 : 2;
  int64_t value = 0;
  if (operation == '+') value = left.value + right.value;
  if (operation == '-') value = left.value - right.value;
  if (operation == '*') value = left.value * right.value;
  if (operation == '/') {
    if (right.value == 0 || left.value % right.value != 0) return std::nullopt;
    value = left.value / right.value;
  }
  if (value < 0 || value > kMost) return std::nullopt;
  const bool is_ordered = operation == '-' || operation == '/';
  std::string text = in_parentheses(left, left.rank < rank) + " " + operation + " " +
                     in_parentheses(right, right.rank < rank || (is_ordered && right.rank == rank));
  return Part{value, std::move(text), rank};
}

Part take_any(std::vector<Part>& parts, RandomStream& random) {
  const auto i = static_cast<size_t>(random.below(static_cast<int64_t>(parts.size())));
  std::swap(parts[i], parts.back());
  Part part = std::move(parts.back());
  parts.pop_back();
  return part;
}

/// Two parts become one until one is left: any result is a reachable target.
std::optional<Part> draw_solution(std::vector<Part> parts, const std::string& operators,
                                  RandomStream& random) {
  while (parts.size() > 1) {
    const Part left = take_any(parts, random);
    const Part right = take_any(parts, random);
    const auto choice = random.below(static_cast<int64_t>(operators.size()));
    auto joined = combine(left, right, operators[static_cast<size_t>(choice)]);
    if (!joined) return std::nullopt;
    parts.push_back(std::move(*joined));
  }
  return parts.front();
}

std::vector<int64_t> draw_numbers(const CountdownConfig& config, RandomStream& random) {
  std::vector<int64_t> numbers;
  for (int i = 0; i < config.numbers; ++i)
    numbers.push_back(draw_between(random, config.min_number, config.max_number));
  return numbers;
}

void check_countdown(const CountdownConfig& config) {
  const std::string where = "data.options of countdown: ";
  if (config.min_number > config.max_number)
    throw ConfigError(where + "min_number must be <= max_number");
  if (config.min_target > config.max_target)
    throw ConfigError(where + "min_target must be <= max_target");
  if (config.operators.find_first_not_of("+-*/") != std::string::npos)
    throw ConfigError(where + "operators: \"" + config.operators + "\", may only hold + - * /");
}

nlohmann::json make_row(const std::vector<int64_t>& numbers, const Part& solution) {
  std::string list;
  for (const int64_t number : numbers) list += (list.empty() ? "" : ", ") + std::to_string(number);
  const std::string target = std::to_string(solution.value);
  return {{"question", "Using each of the numbers " + list + " exactly once, with +, -, *, / and " +
                           "parentheses, write an expression that equals " + target + "."},
          {"answer", solution.text},
          {"target", solution.value},
          {"numbers", numbers},
          {"solution", solution.text}};
}

nlohmann::json generate_countdown(const nlohmann::json& options, RandomStream& random) {
  const auto config = read_task_options<CountdownConfig>(options, kCountdownName);
  check_countdown(config);
  for (int i = 0; i < kMostTries; ++i) {
    const auto numbers = draw_numbers(config, random);
    std::vector<Part> parts;
    for (const int64_t number : numbers) parts.push_back({number, std::to_string(number), 3});
    const auto solution = draw_solution(std::move(parts), config.operators, random);
    if (!solution || solution->value < config.min_target || solution->value > config.max_target)
      continue;
    return make_row(numbers, *solution);
  }
  throw ConfigError("data.options of countdown: none of " + std::to_string(kMostTries) +
                    " random expressions lies between min_target and max_target; widen them");
}

}  // namespace

extern const Task kCountdownTask = {
    kCountdownName, "reach a target with each given number used once", generate_countdown,
    [] { return list_settings(CountdownConfig{}); }};

}  // namespace gradus::rollout
