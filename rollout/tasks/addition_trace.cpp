#include <algorithm>

#include "base/error.h"
#include "rollout/tasks/task.h"

namespace gradus::rollout {
namespace {

constexpr const char* kAdditionTraceName = "addition_trace";

struct AdditionTraceConfig {
  int digits = 3;
  double right = 0.3;
  double careless = 0.5;
  double slip = 0.1;
};

template <class Field>
void describe(AdditionTraceConfig& c, Field&& field) {
  field("digits", c.digits, between(1, 9), "operands have at most this many digits");
  field("right", c.right, between(0.0, 1.0), "share of traces that are right throughout");
  field("careless", c.careless, between(0.0, 1.0), "share that forgets every carry");
  field("slip", c.slip, between(0.0, 1.0),
        "share with one column off by one; the rest answers without a trace");
}

enum class Manner { right, careless, slip, guess };

const char* name_of(Manner manner) {
  switch (manner) {
    case Manner::right:
      return "right";
    case Manner::careless:
      return "careless";
    case Manner::slip:
      return "slip";
    case Manner::guess:
      return "guess";
  }
  return "";
}

Manner draw_manner(const AdditionTraceConfig& config, RandomStream& random) {
  const double draw = random.uniform_double();
  if (draw < config.right) return Manner::right;
  if (draw < config.right + config.careless) return Manner::careless;
  if (draw < config.right + config.careless + config.slip) return Manner::slip;
  return Manner::guess;
}

struct Trace {
  std::string lines;   ///< one column a line, from the right: "7+6=13"
  std::string answer;  ///< what the columns say
};

/// Adds column by column as a person would, well or badly.
Trace add_columns(int64_t left, int64_t right, Manner manner, RandomStream& random) {
  const size_t columns = std::max(std::to_string(left).size(), std::to_string(right).size());
  const auto slipped = static_cast<size_t>(random.below(static_cast<int64_t>(columns)));
  Trace trace;
  std::string digits;
  int64_t carry = 0;
  for (size_t i = 0; i < columns; ++i, left /= 10, right /= 10) {
    int64_t sum = left % 10 + right % 10 + carry;
    trace.lines += std::to_string(left % 10) + "+" + std::to_string(right % 10) +
                   (carry > 0 ? "+1" : "") + "=";
    if (manner == Manner::slip && i == slipped) sum += sum == 0 || random.below(2) == 0 ? 1 : -1;
    trace.lines += std::to_string(sum) + "\n";
    digits += static_cast<char>('0' + sum % 10);
    carry = manner != Manner::careless && sum >= 10 ? 1 : 0;
  }
  if (carry > 0) digits += static_cast<char>('0' + carry);
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  trace.answer.assign(digits.rbegin(), digits.rend());
  return trace;
}

nlohmann::json generate_addition_trace(const nlohmann::json& options, RandomStream& random) {
  const auto config = read_task_options<AdditionTraceConfig>(options, kAdditionTraceName);
  if (config.right + config.careless + config.slip > 1.0 + 1e-9) {
    throw ConfigError(
        "data.options of addition_trace: right, careless and slip add up to more than 1");
  }
  const int64_t largest = largest_with_digits(config.digits);
  const int64_t left = draw_between(random, 0, largest);
  const int64_t right = draw_between(random, 0, largest);
  const Manner manner = draw_manner(config, random);
  const auto trace = add_columns(left, right, manner, random);
  std::string response;
  if (manner == Manner::guess) {
    response = "<answer>\n" +
               std::to_string(draw_between(random, std::max(left, right), 2 * largest)) +
               "\n</answer>";
  } else {
    response = "<think>\n" + trace.lines + "</think>\n<answer>\n" + trace.answer + "\n</answer>";
  }
  const std::string expression = join_terms({left, right}, {'+'});
  const std::string question = "What is " + expression + "?";
  return {{"question", question},     {"answer", std::to_string(left + right)},
          {"expression", expression}, {"manner", name_of(manner)},
          {"response", response},     {"text", question + "\n" + response}};
}

}  // namespace

extern const Task kAdditionTraceTask = {
    kAdditionTraceName,
    "sums worked out column by column, some rightly, some wrongly: "
    "text for pre-training a small base",
    generate_addition_trace, [] { return list_settings(AdditionTraceConfig{}); }};

}  // namespace gradus::rollout
