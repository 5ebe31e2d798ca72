#include "rewards/verify_case.h"

#include <fmt/core.h>

#include <array>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "rewards/profiles/profile.h"
#include "rewards/scores/format_scores.h"
#include "rewards/scores/length_scores.h"

namespace gradus::rewards {
namespace {

using math::MathOptions;
using math::Targets;
using nlohmann::json;

Targets targets_of(const json& config, const char* key, const Targets& otherwise) {
  if (!config.contains(key)) return otherwise;
  Targets targets{false, false, false};
  for (const json& name : config.at(key)) {
    targets.latex = targets.latex || name == "latex";
    targets.expr = targets.expr || name == "expr";
    targets.string = targets.string || name == "string";
  }
  return targets;
}

MathOptions options_of(const json& config) {
  MathOptions options;
  options.targets = targets_of(config, "targets", options.targets);
  options.gold_targets = targets_of(config, "gold_targets", options.targets);
  options.strings = config.value("strings", options.strings);
  options.gold_boxed_match_priority = config.value("boxed_match_priority", 50);
  options.boxed_match_priority =
      config.value("pred_boxed_match_priority", options.gold_boxed_match_priority);
  options.try_extract_without_anchor = config.value("try_extract_without_anchor", true);
  options.is_first_match = config.value("extraction_mode", "any_match") == "first_match";
  const bool is_strict_latex = config.value("norm", "") == "trl";
  options.malformed_operators = config.value("malformed_operators", !is_strict_latex);
  options.is_answer_bare = config.value("input", "text") == "answer";
  options.is_gold_bare = options.is_answer_bare || config.value("gold_input", "text") == "answer";
  options.reasoning_delimiters = config.value("reasoning_delimiters", std::vector<std::string>());
  options.compare.float_rounding = config.value("float_rounding", 6);
  options.compare.strict = config.value("strict", true);
  options.compare.allow_set_relation_comp = config.value("allow_set_relation_comp", false);
  return options;
}

template <class Read>
auto reading(const std::string& where, Read read) {
  try {
    return read();
  } catch (const json::exception& fault) {
    throw FileError(where, "bad_row", printable(fault.what(), 200));
  }
}

CosineBounds bounds_of(const json& input) {
  CosineBounds bounds;
  bounds.min_wrong = input.value("min_value_wrong", bounds.min_wrong);
  bounds.max_wrong = input.value("max_value_wrong", bounds.max_wrong);
  bounds.min_right = input.value("min_value_correct", bounds.min_right);
  bounds.max_right = input.value("max_value_correct", bounds.max_right);
  return bounds;
}

std::string completion_of(const json& input) {
  return input.at("completion").get<std::string>();
}

using Reference = json (*)(const json&);

constexpr std::array<std::pair<std::string_view, Reference>, 12> kReferences{{
    {"r1_format", [](const json& in) -> json { return r1_format_score(completion_of(in)); }},
    {"think_format", [](const json& in) -> json { return think_format_score(completion_of(in)); }},
    {"tag_count", [](const json& in) -> json { return tag_count_score(completion_of(in)); }},
    {"code_format",
     [](const json& in) -> json {
       return code_format_score(completion_of(in), in.value("language", ""));
     }},
    {"extract_code",
     [](const json& in) -> json {
       return std::string(fenced_code(completion_of(in), in.value("language", "")));
     }},
    {"reasoning_steps",
     [](const json& in) -> json { return reasoning_steps_score(completion_of(in)); }},
    {"soft_overlong",
     [](const json& in) -> json {
       return soft_overlong_score(in.at("completion_length"), in.at("max_completion_len"),
                                  in.at("soft_punish_cache"));
     }},
    {"cosine_tokens",
     [](const json& in) -> json {
       return cosine_score(in.at("correct"), in.at("completion_length"), in.at("max_len"),
                           bounds_of(in), true);
     }},
    {"cosine_chars",
     [](const json& in) -> json {
       return cosine_score(in.at("correct"), in.at("completion_length"), in.at("max_len"),
                           bounds_of(in), false);
     }},
    {"length_kimi",
     [](const json& in) -> json {
       return length_scores(in.at("correct").get<std::vector<bool>>(),
                            in.at("lengths").get<std::vector<int64_t>>());
     }},
    {"repetition_tokens",
     [](const json& in) -> json {
       return repetition_score(in.at("completion_ids").get<std::vector<int32_t>>(),
                               in.at("ngram_size"), in.at("max_penalty"));
     }},
    {"repetition_words",
     [](const json& in) -> json {
       return word_repetition_score(completion_of(in), in.at("ngram_size"), in.at("max_penalty"));
     }},
}};

}  // namespace

VerifyCase read_verify_case(const json& line, const std::string& where) {
  return reading(where, [&] {
    VerifyCase result;
    result.gold = line.at("gold").get<std::string>();
    result.prediction = line.at("prediction").get<std::string>();
    const json config = line.value("config", json::object());
    result.options = options_of(config);
    result.profile = config.value("profile", "");
    if (result.profile == "maths") result.profile.clear();
    return result;
  });
}

math::MathVerdict VerifyCase::grade(bool explains) const {
  if (profile.empty()) return math::grade_math(gold, prediction, options, explains);
  const auto verdict = profiles::find_profile(profile).grade(gold, prediction, {});
  math::MathVerdict result;
  result.reason = verdict.is_right ? math::Reason::equal : math::Reason::different;
  result.answer = verdict.answer;
  result.gold = gold;
  result.place = profile;
  result.path = verdict.reason;
  return result;
}

json reference_value(const std::string& reward, const json& input, const std::string& where) {
  for (const auto& entry : kReferences) {
    if (reward == entry.first) return reading(where, [&] { return entry.second(input); });
  }
  std::string names;
  for (const auto& entry : kReferences)
    names += (names.empty() ? "" : ", ") + std::string(entry.first);
  throw FileError(where, "bad_row",
                  fmt::format("`reward` is \"{}\"; there are {}", printable(reward, 60), names));
}

}  // namespace gradus::rewards
