// Rules of form: `format` in its variants, and `reasoning_steps`. See format_scores.h.

#include "rewards/rule_record.h"
#include "rewards/scores/format_scores.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

enum class FormatVariant { r1, r1_strict, think, tag_count, code };

struct FormatConfig {
  FormatVariant variant = FormatVariant::r1;
  std::string language = "python";
  std::string prefix;
};

template <class Field>
void describe(FormatConfig& c, Field&& field) {
  field("variant", c.variant,
        one_of<FormatVariant>({{"r1", FormatVariant::r1},
                               {"r1_strict", FormatVariant::r1_strict},
                               {"think", FormatVariant::think},
                               {"tag_count", FormatVariant::tag_count},
                               {"code", FormatVariant::code}}),
        "r1: open-r1's template; r1_strict: the same, each tag once and nothing behind; think: "
        "TRL's; "
        "tag_count: a quarter per tag; code: with a fenced block");
  field("language", c.language, non_empty(), "of the fenced block (code)");
  field("prefix", c.prefix, any(),
        "put before the completion first, for templates that begin it with <think>");
}

double score_of(std::string_view text, const FormatConfig& config) {
  switch (config.variant) {
    case FormatVariant::r1:
      return r1_format_score(text);
    case FormatVariant::r1_strict:
      return r1_format_score(text, true);
    case FormatVariant::think:
      return think_format_score(text);
    case FormatVariant::tag_count:
      return tag_count_score(text);
    case FormatVariant::code:
      return code_format_score(text, config.language);
  }
  return 0.0;
}

struct ReasoningStepsConfig {};

template <class Field>
void describe(ReasoningStepsConfig&, Field&&) {}

std::unique_ptr<RewardRule> make_format_rule(const RewardConfig& config) {
  const auto options = read_options<FormatConfig>(config);
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    if (options.prefix.empty()) return scored(score_of(input.completion, options));
    return scored(score_of(options.prefix + std::string(input.completion), options));
  });
}

std::unique_ptr<RewardRule> make_reasoning_steps_rule(const RewardConfig& config) {
  read_options<ReasoningStepsConfig>(config);
  return std::make_unique<SimpleRule>(config.display_name(), [](const RewardInput& input) {
    return scored(reasoning_steps_score(input.completion));
  });
}

}  // namespace

extern const RewardRuleRecord kFormatRule{"format", "think and answer tags as asked for",
                                          make_format_rule, options_of<FormatConfig>};

extern const RewardRuleRecord kReasoningStepsRule{
    "reasoning_steps", "three or more marks of step-by-step reasoning", make_reasoning_steps_rule,
    options_of<ReasoningStepsConfig>};

}  // namespace gradus::rewards
