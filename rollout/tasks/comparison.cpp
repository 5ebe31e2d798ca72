#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "rollout/tasks/task.h"

namespace gradus::rollout {
namespace {

constexpr const char* kComparisonName = "comparison";

struct ComparisonConfig {
  int numbers = 2;
  int digits = 3;
  std::string which = "either";
};

template <class Field>
void describe(ComparisonConfig& c, Field&& field) {
  field("numbers", c.numbers, between(2, 16), "numbers to compare, all different");
  field("digits", c.digits, between(1, 9), "numbers have at most this many digits");
  field("which", c.which, one_of({"largest", "smallest", "either"}), "what is asked for");
}

std::vector<int64_t> draw_different(RandomStream& random, int count, int64_t largest) {
  if (largest + 1 < count) {
    throw ConfigError("data.options of comparison: there are no " + std::to_string(count) +
                      " different numbers up to " + std::to_string(largest) + "; raise digits");
  }
  std::vector<int64_t> numbers;
  std::unordered_set<int64_t> seen;
  while (static_cast<int>(numbers.size()) < count) {
    const int64_t number = draw_between(random, 0, largest);
    if (seen.insert(number).second) numbers.push_back(number);
  }
  return numbers;
}

std::string ask(const std::vector<int64_t>& numbers, bool largest) {
  if (numbers.size() == 2) {
    return std::string("Which number is ") + (largest ? "larger" : "smaller") + ", " +
           std::to_string(numbers[0]) + " or " + std::to_string(numbers[1]) + "?";
  }
  std::string text =
      std::string("Which number is the ") + (largest ? "largest" : "smallest") + ": ";
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text += i + 1 == numbers.size() ? " or " : ", ";
    text += std::to_string(numbers[i]);
  }
  return text + "?";
}

nlohmann::json generate_comparison(const nlohmann::json& options, RandomStream& random) {
  const auto config = read_task_options<ComparisonConfig>(options, kComparisonName);
  const auto numbers = draw_different(random, config.numbers, largest_with_digits(config.digits));
  const bool coin = random.below(2) == 1;
  const bool largest = config.which == "either" ? coin : config.which == "largest";
  const int64_t answer = largest ? *std::max_element(numbers.begin(), numbers.end())
                                 : *std::min_element(numbers.begin(), numbers.end());
  return {{"question", ask(numbers, largest)},
          {"answer", std::to_string(answer)},
          {"numbers", numbers},
          {"which", largest ? "largest" : "smallest"}};
}

}  // namespace

extern const Task kComparisonTask = {
    kComparisonName, "which of several numbers is largest or smallest", generate_comparison,
    [] { return list_settings(ComparisonConfig{}); }};

}  // namespace gradus::rollout
