#include "base/error.h"
#include "rollout/tasks/task.h"

namespace gradus::rollout {
namespace {

constexpr const char* kChainSumName = "chain_sum";

struct ChainSumConfig {
  int terms = 4;
  std::optional<int> min_terms;
  int digits = 2;
};

template <class Field>
void describe(ChainSumConfig& c, Field&& field) {
  field("terms", c.terms, between(2, 64), "numbers in the sum");
  field("min_terms", c.min_terms, between(2, 64),
        "sums have min_terms to terms numbers; none: terms");
  field("digits", c.digits, between(1, 9), "numbers have at most this many digits");
}

nlohmann::json generate_chain_sum(const nlohmann::json& options, RandomStream& random) {
  const auto config = read_task_options<ChainSumConfig>(options, kChainSumName);
  const int fewest = config.min_terms.value_or(config.terms);
  if (fewest > config.terms)
    throw ConfigError("data.options of chain_sum: min_terms must be <= terms");
  const auto count = draw_between(random, fewest, config.terms);
  const int64_t largest = largest_with_digits(config.digits);
  std::vector<int64_t> terms;
  std::vector<char> operators;
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    terms.push_back(draw_between(random, 0, largest));
    const bool is_minus = i > 0 && random.below(2) == 1;
    if (i > 0) operators.push_back(is_minus ? '-' : '+');
    sum += is_minus ? -terms.back() : terms.back();
  }
  const std::string expression = join_terms(terms, operators);
  return {{"question", "What is " + expression + "?"},
          {"answer", std::to_string(sum)},
          {"expression", expression}};
}

}  // namespace

extern const Task kChainSumTask = {kChainSumName, "a sum of several numbers: What is 3 + 14 - 5?",
                                   generate_chain_sum,
                                   [] { return list_settings(ChainSumConfig{}); }};

}  // namespace gradus::rollout
