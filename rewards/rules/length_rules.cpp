// Rules of length and repetition: `soft_overlong`, `cosine`, `length`, `repetition`. See
// length_scores.h.

#include "base/error.h"
#include "rewards/rule_record.h"
#include "rewards/rules/judgement.h"
#include "rewards/rules/length_unit.h"
#include "rewards/scores/length_scores.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

constexpr const char* kMustBeGiven = "It has no default: write max_length = 4096, say";

struct SoftOverlongConfig {
  int64_t max_length = 0;
  int64_t buffer = 0;
  bool floor = true;
};

template <class Field>
void describe(SoftOverlongConfig& c, Field&& field) {
  field("max_length", c.max_length, at_least(1).hint(kMustBeGiven),
        "longest completion, in tokens");
  field("buffer", c.buffer, at_least(0), "tokens before it over which the penalty grows to 1");
  field("floor", c.floor, any(),
        "the penalty ends at 1 (DAPO, TRL); false: it grows on past max_length (verl)");
}

struct CosineConfig {
  AnswerConfig answer;
  int64_t max_length = 0;
  LengthUnit unit = LengthUnit::tokens;
  bool clamp = true;
  CosineBounds bounds;
};

template <class Field>
void describe(CosineConfig& c, Field&& field) {
  describe(c.answer, field);
  field("max_length", c.max_length, at_least(1).hint(kMustBeGiven),
        "length at which the cosine ends");
  describe_unit(c.unit, field);
  field("clamp", c.clamp, any(), "longer completions count as max_length (TRL; open-r1: false)");
  field("min_wrong", c.bounds.min_wrong, any(), "reward of a short wrong answer");
  field("max_wrong", c.bounds.max_wrong, any(), "reward of a long wrong answer");
  field("min_right", c.bounds.min_right, any(), "reward of a long right answer");
  field("max_right", c.bounds.max_right, any(), "reward of a short right answer");
}

struct LengthConfig {
  AnswerConfig answer;
  LengthUnit unit = LengthUnit::characters;
};

template <class Field>
void describe(LengthConfig& c, Field&& field) {
  describe(c.answer, field);
  describe_unit(c.unit, field);
}

enum class RepetitionUnit { tokens, words };

struct RepetitionConfig {
  int ngram = 3;
  double max_penalty = -1.0;
  RepetitionUnit unit = RepetitionUnit::tokens;
};

template <class Field>
void describe(RepetitionConfig& c, Field&& field) {
  field("ngram", c.ngram, at_least(1), "length of the n-grams");
  field("max_penalty", c.max_penalty, at_most(0.0), "reward of pure repetition");
  field("unit", c.unit,
        one_of<RepetitionUnit>(
            {{"tokens", RepetitionUnit::tokens}, {"words", RepetitionUnit::words}}),
        "n-grams of tokens (TRL) or of lower-cased words (open-r1)");
}

Grade cosine_of(const RewardInput& input, const CosineConfig& config) {
  const Judgement judgement = judge(input, config.answer);
  if (judgement.kind == Judgement::Kind::unknown) return skipped(judgement.reason);
  if (judgement.kind == Judgement::Kind::unreadable) return failed(judgement.reason);
  const auto length = length_in(config.unit, input);
  if (!length) return skipped_without_tokens();
  return scored(cosine_score(judgement.kind == Judgement::Kind::right, *length, config.max_length,
                             config.bounds, config.clamp));
}

/// Completions without a readable gold are skipped and take no part in the shortest and longest.
class LengthRule final : public RewardRule {
 public:
  LengthRule(std::string name, LengthConfig config)
      : name_(std::move(name)), config_(std::move(config)) {}

  std::string name() const override { return name_; }

  std::vector<Grade> grade(std::span<const RewardInput> group) override {
    std::vector<Grade> grades(group.size());
    std::vector<size_t> judged;
    std::vector<bool> is_right;
    std::vector<int64_t> lengths;
    for (size_t i = 0; i < group.size(); ++i) {
      const Judgement judgement = judge(group[i], config_.answer);
      if (judgement.kind == Judgement::Kind::unknown) {
        grades[i] = skipped(judgement.reason);
        continue;
      }
      const auto length = length_in(config_.unit, group[i]);
      if (!length) {
        grades[i] = skipped_without_tokens();
        continue;
      }
      judged.push_back(i);
      is_right.push_back(judgement.kind == Judgement::Kind::right);
      lengths.push_back(*length);
    }
    const auto scores = length_scores(is_right, lengths);
    for (size_t k = 0; k < judged.size(); ++k) grades[judged[k]] = scored(scores[k]);
    return grades;
  }

 private:
  std::string name_;
  LengthConfig config_;
};

std::unique_ptr<RewardRule> make_soft_overlong_rule(const RewardConfig& config) {
  const auto options = read_options<SoftOverlongConfig>(config);
  if (options.buffer > options.max_length) {
    throw ConfigError(source_of(config) + ": buffer: is " + std::to_string(options.buffer) +
                      ", must be <= max_length = " + std::to_string(options.max_length));
  }
  if (options.buffer == 0 && !options.floor)
    throw ConfigError(source_of(config) + ": buffer: is 0, must be above 0 where floor is false");
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    const auto length = length_in(LengthUnit::tokens, input);
    if (!length) return skipped_without_tokens();
    return scored(soft_overlong_score(*length, options.max_length, options.buffer, options.floor));
  });
}

std::unique_ptr<RewardRule> make_cosine_rule(const RewardConfig& config) {
  const auto options = read_options<CosineConfig>(config);
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return cosine_of(input, options);
  });
}

std::unique_ptr<RewardRule> make_length_rule(const RewardConfig& config) {
  return std::make_unique<LengthRule>(config.display_name(), read_options<LengthConfig>(config));
}

std::unique_ptr<RewardRule> make_repetition_rule(const RewardConfig& config) {
  const auto options = read_options<RepetitionConfig>(config);
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    if (options.unit == RepetitionUnit::words) {
      return scored(word_repetition_score(input.completion, options.ngram, options.max_penalty));
    }
    if (!length_in(LengthUnit::tokens, input)) return skipped_without_tokens();
    return scored(repetition_score(input.completion_ids, options.ngram, options.max_penalty));
  });
}

}  // namespace

extern const RewardRuleRecord kSoftOverlongRule{
    "soft_overlong", "a penalty that grows over the last tokens before the limit (DAPO)",
    make_soft_overlong_rule, options_of<SoftOverlongConfig>};

extern const RewardRuleRecord kCosineRule{"cosine",
                                          "right answers pay more when short, wrong ones when long",
                                          make_cosine_rule, options_of<CosineConfig>};

extern const RewardRuleRecord kLengthRule{"length",
                                          "shorter than the group's others pays (Kimi k1.5)",
                                          make_length_rule, options_of<LengthConfig>};

extern const RewardRuleRecord kRepetitionRule{"repetition", "a penalty for repeated n-grams",
                                              make_repetition_rule, options_of<RepetitionConfig>};

}  // namespace gradus::rewards
