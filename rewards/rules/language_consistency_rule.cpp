// Rule `language_consistency`: the reasoning is in the language of the question. See
// language_score.h.
//
//   words in the wanted language or script / words, over the chain of thought (`part`)
//
// Source: DeepSeek-R1 (arXiv:2501.12948), section 2.3.2, which adds it to the accuracy.

#include <algorithm>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "rewards/rule_record.h"
#include "rewards/rules/part_setting.h"
#include "rewards/rules/reference.h"
#include "rewards/scores/language_score.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

struct LanguageConsistencyConfig {
  std::string language;
  std::string script;
  std::string column;
  TextPart part = TextPart::thinking;
};

template <class Field>
void describe(LanguageConsistencyConfig& c, Field&& field) {
  field("language", c.language, any(), "wanted language, ISO 639-1: en, fr, hi, zh, ar, ...");
  field("script", c.script, any(), "wanted script instead: latin, devanagari, han, arabic, ...");
  field("column", c.column, any(),
        "column of the data with the row's language; where it is empty, `language` is wanted");
  describe_part(c.part, field);
}

std::string unknown(const std::string& what, const std::string& given,
                    const std::vector<std::string>& known) {
  const auto nearest = nearest_name(given, known);
  std::string list;
  for (const auto& name : known) list += (list.empty() ? "" : ", ") + name;
  return what + ": \"" + printable(given, 100) + "\" is not known; " +
         (nearest ? "did you mean \"" + *nearest + "\"?" : "there are " + list);
}

void check(const LanguageConsistencyConfig& c, const std::string& source) {
  if (c.language.empty() && c.script.empty() && c.column.empty()) {
    throw ConfigError(source + ": language: must be given, or `script`, or `column`");
  }
  if (!c.script.empty() && (!c.language.empty() || !c.column.empty())) {
    throw ConfigError(source + ": script: given beside language or column; use one of them");
  }
  if (!c.language.empty() && find_language(c.language) == nullptr) {
    throw ConfigError(source + ": " + unknown("language", c.language, language_codes()));
  }
  if (!c.script.empty() && !script_named(c.script)) {
    throw ConfigError(source + ": " + unknown("script", c.script, script_names()));
  }
}

std::string language_of(const RewardInput& input, const LanguageConsistencyConfig& c) {
  if (c.column.empty()) return c.language;
  const nlohmann::json* value = value_at(input.row, c.column);
  const bool is_text = value != nullptr && value->is_string();
  const std::string code = is_text ? value->get<std::string>() : "";
  return code.empty() ? c.language : code;
}

Grade language_consistency_of(const RewardInput& input, const LanguageConsistencyConfig& c) {
  const std::string_view text = part_of(input.completion, c.part).value_or("");
  LanguageShare share;
  if (!c.script.empty()) {
    share = script_share(text, *script_named(c.script));
  } else {
    const std::string code = language_of(input, c);
    if (code.empty()) return skipped("column \"" + c.column + "\" names no language");
    const Language* language = find_language(code);
    if (language == nullptr) return skipped(unknown("language", code, language_codes()));
    share = language_share(text, *language);
  }
  Grade grade = scored(share.value());
  if (share.words == 0) grade.reason = "there are no words";
  grade.details = {{"wanted", share.wanted}, {"words", share.words}};
  return grade;
}

std::unique_ptr<RewardRule> make_language_consistency_rule(const RewardConfig& config) {
  const auto options = read_options<LanguageConsistencyConfig>(config);
  check(options, source_of(config));
  return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
    return language_consistency_of(input, options);
  });
}

}  // namespace

extern const RewardRuleRecord kLanguageConsistencyRule{
    "language_consistency", "share of the reasoning that is in the wanted language (R1)",
    make_language_consistency_rule, options_of<LanguageConsistencyConfig>};

}  // namespace gradus::rewards
