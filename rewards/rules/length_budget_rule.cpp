// Rule `length_budget`: a completion is as long as it was told to be. See length_scores.h.
//
//   exact  -alpha |B - L|                      LCPO-Exact (L1, arXiv:2503.04697, equation 1)
//   max    clip(alpha (B - L) + delta, 0, 1)   LCPO-Max (equation 2)
//   over   -alpha max(0, L - B)
//
// L1 adds `exact` to the accuracy and multiplies it with `max`: a rule `accuracy` with weight 0 and
// gate = 1 above this one.

#include "base/error.h"
#include "rewards/rule_record.h"
#include "rewards/rules/length_unit.h"
#include "rewards/rules/part_setting.h"
#include "rewards/rules/reference.h"
#include "rewards/scores/length_scores.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

struct LengthBudgetConfig {
  BudgetForm form = BudgetForm::exact;
  double budget = 0.0;
  std::string column;
  double alpha = 0.0003;
  double delta = 0.5;
  LengthUnit unit = LengthUnit::tokens;
  TextPart part = TextPart::all;
};

template <class Field>
void describe(LengthBudgetConfig& c, Field&& field) {
  field(
      "form", c.form,
      one_of<BudgetForm>(
          {{"exact", BudgetForm::exact}, {"max", BudgetForm::max}, {"over", BudgetForm::over}}),
      "exact: -alpha |B - L|; max: clip(alpha (B - L) + delta, 0, 1); over: -alpha max(0, L - B)");
  field("budget", c.budget, at_least(0.0), "B, the length that is asked for; 0: `column` tells it");
  field("column", c.column, any(), "column of the data with the row's own budget; a.b: inside a");
  field("alpha", c.alpha, positive(), "reward of one unit of length");
  field("delta", c.delta, between(0.0, 1.0), "reward at the budget (max)");
  describe_unit(c.unit, field);
  describe_part(c.part, field);
}

std::optional<double> budget_of(const RewardInput& input, const LengthBudgetConfig& config) {
  if (config.column.empty()) return config.budget;
  const nlohmann::json* value = value_at(input.row, config.column);
  if (value == nullptr && config.budget > 0.0) return config.budget;
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto budget = value->get<double>();
  return budget >= 0.0 ? std::optional(budget) : std::nullopt;
}

Grade length_budget_of(const RewardInput& input, const LengthBudgetConfig& config) {
  const auto budget = budget_of(input, config);
  if (!budget) return skipped("column \"" + config.column + "\" holds no budget, a number >= 0");
  std::optional<int64_t> length;
  if (config.part == TextPart::all) {
    length = length_in(config.unit, input);
    if (!length) return skipped_without_tokens();
  } else {
    // What is not there has length 0.
    length = text_length(config.unit, part_of(input.completion, config.part).value_or(""));
  }
  Grade grade = scored(length_budget_score(config.form, static_cast<double>(*length), *budget,
                                           config.alpha, config.delta));
  grade.details = {{"length", *length}, {"budget", *budget}};
  return grade;
}

std::unique_ptr<RewardRule> make_length_budget_rule(const RewardConfig& config) {
  const auto options = read_options<LengthBudgetConfig>(config);
  if (options.budget == 0.0 && options.column.empty()) {
    throw ConfigError(source_of(config) + ": budget: must be given, or `column`");
  }
  if (options.unit == LengthUnit::tokens && options.part != TextPart::all) {
    throw ConfigError(source_of(config) +
                      ": part: tokens are counted over the whole completion; set unit to words or "
                      "characters, or part to all");
  }
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return length_budget_of(input, options);
  });
}

}  // namespace

extern const RewardRuleRecord kLengthBudgetRule{
    "length_budget", "as long as asked for, or not longer (L1: LCPO-Exact, LCPO-Max)",
    make_length_budget_rule, options_of<LengthBudgetConfig>};

}  // namespace gradus::rewards
