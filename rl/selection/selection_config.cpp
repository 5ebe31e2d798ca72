#include "rl/selection/selection_config.h"

#include <fmt/format.h>

#include "base/error.h"

namespace gradus::rl {

void describe(SelectionConfig& c, SettingFields& field) {
  field("rule", c.rule, any(), "rule whose score says whether a row is right; empty: the reward");
  field("right_from", c.right_from, any(), "least score that is right");
  field("min_scores", c.min_scores, any(),
        "least scores of further rules: { language_consistency = 0.95 }");
  field("must_stop", c.must_stop, any(), "leave out what was cut off");
  field("think_blocks", c.think_blocks,
        one_of<ThinkBlocks>({{"any", ThinkBlocks::any},
                             {"one", ThinkBlocks::one},
                             {"balanced", ThinkBlocks::balanced}}),
        "any; one (exactly one closed <think> block, at the beginning); balanced (none or one)");
  field("code_in_thought", c.code_in_thought, any(),
        "false: leave out rows with a fenced code block in the thinking (DeepSeek-R1)");
  field("repeat_words", c.repeat_words, at_least(1), "words of a repetition");
  field("max_repeats", c.max_repeats, at_least(0),
        "how often one run of `repeat_words` words may stand in a row; 0: no bound");
  field("min_distinct", c.min_distinct, between(0.0, 1.0),
        "least share of different runs of four words, where there are eight runs or more");
  field("length_low", c.length_low, between(0.0, 100.0),
        "shorter rows than this percentile of their source's samples are left out");
  field("length_high", c.length_high, between(0.0, 100.0),
        "longer rows than this percentile of their source's samples are left out");
  field("min_pass_rate", c.min_pass_rate, between(0.0, 1.0),
        "prompts of which a lesser share of samples is right are left out: too hard");
  field("max_pass_rate", c.max_pass_rate, between(0.0, 1.0),
        "prompts of which a larger share of samples is right are left out: too easy");
  field("choose", c.choose,
        one_of<RowChoice>({{"shortest", RowChoice::shortest},
                           {"random", RowChoice::random},
                           {"diverse", RowChoice::diverse}}),
        "which rows of a prompt are kept");
  field("most", c.most, at_least(0), "rows of one prompt that are kept; 0: all");
  field("max_similarity", c.max_similarity, between(0.0, 1.0),
        "rows whose sets of five-word runs have a larger Jaccard index are one; 1: equal texts "
        "alone");
  field("ngram", c.ngram, at_least(1),
        "a row is left out that shares as many words in a row with an evaluation prompt");
  field("short_ngram", c.short_ngram, at_least(1),
        "the same for evaluation prompts of fewer words than `ngram`; still shorter ones must "
        "be equal to the row's prompt");
  field("seed", c.seed, any(), "of choose = \"random\"");
}

void check(const SelectionConfig& c, const std::string& source) {
  if (c.length_low > c.length_high)
    throw ConfigError(fmt::format("{}: length_low: is {}, must not be above length_high, {}",
                                  source, c.length_low, c.length_high));
  if (c.min_pass_rate > c.max_pass_rate)
    throw ConfigError(fmt::format("{}: min_pass_rate: is {}, must not be above max_pass_rate, {}",
                                  source, c.min_pass_rate, c.max_pass_rate));
  if (!c.min_scores.is_object())
    throw ConfigError(source + ": min_scores: must be a table, { rule = least score }");
  for (const auto& [rule, least] : c.min_scores.items())
    if (!least.is_number())
      throw ConfigError(fmt::format("{}: min_scores.{}: must be a number", source, rule));
}

}  // namespace gradus::rl
