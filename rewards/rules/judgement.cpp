#include "rewards/rules/judgement.h"

#include <algorithm>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/json.h"
#include "base/printable.h"
#include "rewards/profiles/profile.h"
#include "rewards/rules/option_texts.h"
#include "rewards/rules/reference.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

std::optional<std::string> gold_text(const json& value, bool takes_objects) {
  if (value.is_string()) return std::string(gold_of(value.get_ref<const std::string&>()));
  if (value.is_number() || is_big_integer(value) || (takes_objects && value.is_object()))
    return dump_json(value);
  return std::nullopt;
}

std::optional<std::string_view> answering_part(const RewardInput& input, Thinking thinking) {
  if (thinking == Thinking::keep) return input.completion;
  const auto behind = text_after_thinking(input.completion);
  if (behind || thinking == Thinking::required) return behind;
  return input.completion;
}

}  // namespace

Golds golds_of(const json* row, const std::string& column, bool takes_objects) {
  const json* value = value_at(row, column);
  if (value == nullptr) return {{}, "the row has no column \"" + printable(column, 100) + "\""};
  Golds golds;
  for (const json& entry : value->is_array() ? *value : json::array({*value})) {
    if (auto text = gold_text(entry, takes_objects)) golds.texts.push_back(std::move(*text));
  }
  const auto is_blank = [](const std::string& text) {
    return text.find_first_not_of(" \t\r\n") == std::string::npos;
  };
  if (std::ranges::all_of(golds.texts, is_blank))
    return {{}, "column \"" + column + "\" holds no answer"};
  return golds;
}

namespace {

using math::MathVerdict;
using math::Reason;

math::MathOptions math_options(const AnswerConfig& config) {
  math::MathOptions options;
  options.boxed_match_priority = options.gold_boxed_match_priority = 0;
  options.compare.float_rounding = config.rounding;
  options.compare.strict = config.strict;
  options.compare.allow_set_relation_comp = config.allow_set_relation;
  options.allows_several = config.allow_several;
  options.needs_value = config.evaluated;
  if (!config.choices.empty()) {
    options.strings = config.choices;
    options.targets = options.gold_targets = {false, false, true};
  }
  return options;
}

struct ScoredVerdict {
  MathVerdict verdict;
  double score = 0;
};

/// @param part  what counts of the completion: for a profile that judges an answer; one that
///              judges completions has its own idea of that.
ScoredVerdict by_profile(const std::string& gold, const RewardInput& input,
                         std::optional<std::string_view> part, const AnswerConfig& config) {
  const auto& profile = profiles::find_profile(config.profile);
  std::string prediction;
  if (profile.takes_answer) {
    auto found = part ? extract_answer(*part, config.extract) : std::nullopt;
    if (!found) return {{}, profile.lowest_score};
    prediction = std::move(found->text);
  }
  const auto verdict =
      profile.grade(gold, profile.takes_answer ? prediction : input.completion, {});
  MathVerdict result;
  result.reason = verdict.is_right         ? Reason::equal
                  : verdict.answer.empty() ? Reason::no_answer
                                           : Reason::different;
  result.answer = verdict.answer;
  result.place = config.profile;
  result.path = verdict.reason;
  return {result, verdict.score};
}

/// Compares with one gold; `part` is what counts of the completion.
MathVerdict compare(const std::string& gold, std::string_view part, const AnswerConfig& config) {
  math::MathOptions options = math_options(config);
  if (config.extract == AnswerPlace::automatic) return math::grade_math(gold, part, options);
  const auto found = extract_answer(part, config.extract);
  if (!found) return {};
  options.is_answer_bare = true;
  MathVerdict verdict = math::grade_math(gold, found->text, options);
  verdict.place = found->place;
  verdict.answer = found->text;
  return verdict;
}

/// The answer as the text of an option, where it is none of the labels. Words are found where an
/// answer is announced; places that announce different options answer nothing.
MathVerdict compare_texts(const std::string& gold, std::string_view part,
                          const AnswerConfig& config, const OptionTexts& options) {
  std::vector<AnswerPlace> places{config.extract};
  if (config.extract == AnswerPlace::automatic)
    places = {AnswerPlace::boxed, AnswerPlace::answer_tag, AnswerPlace::hash, AnswerPlace::phrase};
  MathVerdict verdict;
  std::optional<std::string> answered;
  for (const AnswerPlace place : places) {
    const auto found = extract_answer(part, place);
    const auto label = found ? label_of_text(options, found->text) : std::nullopt;
    if (!label) continue;
    if (answered && *answered != *label) return {};
    if (answered) continue;
    answered = label;
    verdict.answer = found->text;
    verdict.place = found->place;
  }
  if (!answered) return verdict;
  verdict.reason = *answered == gold ? Reason::equal : Reason::different;
  verdict.path = "text of option " + *answered;
  return verdict;
}

ScoredVerdict verdict_of(const std::string& gold, const RewardInput& input,
                         std::optional<std::string_view> part, const AnswerConfig& config) {
  ScoredVerdict result;
  if (!config.profile.empty()) {
    result = by_profile(gold, input, part, config);
  } else if (part) {
    result.verdict = compare(gold, *part, config);
    result.score = result.verdict.is_right() ? 1.0 : 0.0;
  }
  const bool may_be_near =
      result.verdict.reason == Reason::different || result.verdict.reason == Reason::budget;
  const bool is_near =
      may_be_near &&
      ((config.tolerance > 0.0 &&
        math::numbers_within(gold, result.verdict.answer, config.tolerance)) ||
       (config.relative_tolerance > 0.0 &&
        math::numbers_within_share(gold, result.verdict.answer, config.relative_tolerance)));
  if (is_near) {
    result.verdict.reason = Reason::equal;
    result.score = 1.0;
  }
  return result;
}

}  // namespace

void check_profile(const AnswerConfig& config, const std::string& source) {
  if (config.profile.empty()) return;
  std::string names;
  for (const auto& profile : profiles::list_profiles()) {
    if (config.profile == profile.name) return;
    names += (names.empty() ? "" : ", ") + std::string(profile.name);
  }
  throw ConfigError(source + ": profile: is \"" + printable(config.profile, 60) + "\"; there are " +
                    names);
}

namespace {

Judgement judge_golds(const RewardInput& input, const AnswerConfig& config, const Golds& golds,
                      const OptionTexts& options);

/// The row's options, with golds as their labels.
Judgement judge_options(const RewardInput& input, AnswerConfig config, Golds golds,
                        const OptionTexts& options) {
  const nlohmann::json* gold = value_at(input.row, config.reference);
  const bool is_number = gold != nullptr && gold->is_number();
  config.choices = options.labels;
  for (std::string& text : golds.texts)
    if (auto label = label_of_gold(options, text, is_number)) text = std::move(*label);
  return judge_golds(input, config, golds, options);
}

}  // namespace

Judgement judge(const RewardInput& input, const AnswerConfig& config) {
  const auto* profile = config.profile.empty() ? nullptr : &profiles::find_profile(config.profile);
  const Golds golds =
      golds_of(input.row, config.reference, profile != nullptr && profile->has_json_gold);
  const OptionTexts options = option_texts_of(input.row, config.option_texts, config.choices);
  if (options.is_empty() || profile != nullptr) return judge_golds(input, config, golds, {});
  return judge_options(input, config, golds, options);
}

namespace {

Judgement judge_golds(const RewardInput& input, const AnswerConfig& config, const Golds& golds,
                      const OptionTexts& options) {
  Judgement judgement;
  const auto* profile = config.profile.empty() ? nullptr : &profiles::find_profile(config.profile);
  if (profile != nullptr) judgement.lowest_score = profile->lowest_score;
  judgement.score = judgement.lowest_score;
  judgement.reason = golds.missing;
  if (golds.texts.empty()) return judgement;
  judgement.gold = golds.texts.front();
  const auto part = answering_part(input, config.thinking);
  bool is_comparable = false;
  for (const std::string& gold : golds.texts) {
    auto [verdict, score] = verdict_of(gold, input, part, config);
    if (verdict.reason == Reason::no_answer && part && !options.is_empty()) {
      verdict = compare_texts(gold, *part, config, options);
      score = verdict.is_right() ? 1.0 : 0.0;
    }
    if (verdict.reason == Reason::unparsable_gold || gold.empty()) continue;
    is_comparable = true;
    judgement.score = std::max(judgement.score, score);
    judgement.reason = verdict.path;
    judgement.verdict = math::reason_name(verdict.reason);
    judgement.answer = verdict.answer;
    judgement.place = verdict.place;
    judgement.kind = verdict.answer.empty() && !verdict.is_right() ? Judgement::Kind::no_answer
                                                                   : Judgement::Kind::wrong;
    if (!verdict.is_right()) continue;
    judgement.kind = Judgement::Kind::right;
    judgement.gold = gold;
    return judgement;
  }
  if (!is_comparable) {
    judgement.kind = Judgement::Kind::unreadable;
    judgement.reason = "the reference in column \"" + config.reference + "\" cannot be read";
  }
  return judgement;
}

}  // namespace

}  // namespace gradus::rewards
