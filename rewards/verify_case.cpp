#include "rewards/verify_case.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "rewards/profiles/profile.h"
#include "rewards/scores/format_scores.h"
#include "rewards/scores/length_scores.h"

namespace gradus::rewards {
namespace {

using math::MathOptions;
using math::Targets;
using nlohmann::json;

/// Reads an object's members by name. Those of the wrong kind and, in the end, those that nobody
/// asked for are refused with their names.
class Members {
 public:
  /// @param name  of the object: "config"; empty: the line itself.
  Members(const json& object, std::string name, std::string where)
      : object_(object), name_(std::move(name)), where_(std::move(where)) {
    if (!object.is_object()) {
      throw FileError(where_, "bad_row", "`" + name_ + "` is " + shown(object) + ", no object");
    }
  }

  template <class T>
  T get(const std::string& key, T otherwise) {
    known_.push_back(key);
    const auto found = object_.find(key);
    if (found == object_.end()) return otherwise;
    if (!is_a<T>(*found)) {
      refuse("`" + path(key) + "` is " + shown(*found) + ", must be " + kind_of<T>());
    }
    return found->get<T>();
  }

  /// Of a member that must be there.
  template <class T>
  T need(const std::string& key) {
    if (!object_.contains(key)) refuse("has no `" + path(key) + "`");
    return get(key, T{});
  }

  /// One of a few words.
  std::string word(const std::string& key, const std::vector<std::string>& words) {
    std::string value = get<std::string>(key, words.front());
    if (std::find(words.begin(), words.end(), value) == words.end()) {
      refuse("`" + path(key) + "` is " + shown(value) + ", must be " + list_of(words, " or "));
    }
    return value;
  }

  Targets targets(const std::string& key, const Targets& otherwise) {
    const auto names = get(key, std::vector<std::string>());
    if (!object_.contains(key)) return otherwise;
    Targets targets{false, false, false};
    for (const std::string& name : names) {
      bool& target = name == "latex"  ? targets.latex
                     : name == "expr" ? targets.expr
                                      : targets.string;
      if (name != "latex" && name != "expr" && name != "string") {
        refuse("`" + path(key) + "` names " + shown(name) + ", must be latex, expr or string");
      }
      target = true;
    }
    return targets;
  }

  /// For members that are known and mean nothing here.
  void pass(std::initializer_list<const char*> keys) {
    known_.insert(known_.end(), keys.begin(), keys.end());
  }

  void finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      const auto nearest = nearest_name(key, known_);
      refuse("`" + path(printable(key, 100)) + "` is not known; " +
             (nearest ? "did you mean " + *nearest + "?" : "there are " + list_of(known_, ", ")));
    }
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw FileError(where_, "bad_row", what);
  }

 private:
  static std::string shown(const json& value) { return printable(dump_json(value), 60); }
  template <class T>
  static constexpr bool kIsList = !std::is_arithmetic_v<T> && !std::is_same_v<T, std::string>;

  template <class T>
  static bool is_a(const json& value) {
    if constexpr (kIsList<T>) {
      return value.is_array() && std::all_of(value.begin(), value.end(), [](const json& entry) {
               return is_a<typename T::value_type>(entry);
             });
    } else if constexpr (std::is_same_v<T, std::string>) {
      return value.is_string();
    } else if constexpr (std::is_same_v<T, bool>) {
      return value.is_boolean();
    } else if constexpr (std::is_same_v<T, double>) {
      return value.is_number();
    } else {
      return value.is_number_integer() && value >= std::numeric_limits<T>::min() &&
             value <= std::numeric_limits<T>::max();
    }
  }

  template <class T>
  static std::string kind_of() {
    if constexpr (kIsList<T>) return "a list, each " + kind_of<typename T::value_type>();
    if constexpr (std::is_same_v<T, std::string>) return "text";
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    return std::is_same_v<T, double> ? "a number" : "a whole number";
  }

  static std::string list_of(const std::vector<std::string>& words, const std::string& between) {
    std::string list;
    for (const auto& word : words) list += (list.empty() ? "" : between) + word;
    return list;
  }

  std::string path(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }

  const json& object_;
  std::string name_;
  std::string where_;
  std::vector<std::string> known_;
};

MathOptions options_of(Members& config) {
  MathOptions options;
  options.targets = config.targets("targets", options.targets);
  options.gold_targets = config.targets("gold_targets", options.targets);
  options.strings = config.get("strings", options.strings);
  options.gold_boxed_match_priority = config.get("boxed_match_priority", 50);
  options.boxed_match_priority =
      config.get("pred_boxed_match_priority", options.gold_boxed_match_priority);
  options.try_extract_without_anchor = config.get("try_extract_without_anchor", true);
  options.is_first_match =
      config.word("extraction_mode", {"any_match", "first_match"}) == "first_match";
  const bool is_strict_latex = config.get<std::string>("norm", "") == "trl";
  options.malformed_operators = config.get("malformed_operators", !is_strict_latex);
  options.is_answer_bare = config.word("input", {"text", "answer"}) == "answer";
  options.is_gold_bare =
      config.word("gold_input", {"text", "answer"}) == "answer" || options.is_answer_bare;
  options.reasoning_delimiters = config.get("reasoning_delimiters", std::vector<std::string>());
  options.needs_value = config.get("needs_value", false);
  options.compare.float_rounding = config.get("float_rounding", 6);
  options.compare.strict = config.get("strict", true);
  options.compare.allow_set_relation_comp = config.get("allow_set_relation_comp", false);
  config.pass({"language", "fallback_mode", "max_ms"});
  return options;
}

CosineBounds bounds_of(Members& input) {
  CosineBounds bounds;
  bounds.min_wrong = input.get("min_value_wrong", bounds.min_wrong);
  bounds.max_wrong = input.get("max_value_wrong", bounds.max_wrong);
  bounds.min_right = input.get("min_value_correct", bounds.min_right);
  bounds.max_right = input.get("max_value_correct", bounds.max_right);
  return bounds;
}

std::string completion_of(Members& input) {
  return input.need<std::string>("completion");
}

std::string language_of(Members& input) {
  return input.get<std::string>("language", "");
}

double cosine_of(Members& in, bool clamps) {
  return cosine_score(in.need<bool>("correct"), in.need<int64_t>("completion_length"),
                      in.need<int64_t>("max_len"), bounds_of(in), clamps);
}

using Reference = json (*)(Members&);

constexpr std::array<std::pair<std::string_view, Reference>, 12> kReferences{{
    {"r1_format", [](Members& in) -> json { return r1_format_score(completion_of(in)); }},
    {"think_format", [](Members& in) -> json { return think_format_score(completion_of(in)); }},
    {"tag_count", [](Members& in) -> json { return tag_count_score(completion_of(in)); }},
    {"code_format",
     [](Members& in) -> json { return code_format_score(completion_of(in), language_of(in)); }},
    {"extract_code",
     [](Members& in) -> json {
       const std::string completion = completion_of(in);
       return std::string(fenced_code(completion, language_of(in)));
     }},
    {"reasoning_steps",
     [](Members& in) -> json { return reasoning_steps_score(completion_of(in)); }},
    {"soft_overlong",
     [](Members& in) -> json {
       return soft_overlong_score(in.need<int64_t>("completion_length"),
                                  in.need<int64_t>("max_completion_len"),
                                  in.need<int64_t>("soft_punish_cache"));
     }},
    {"cosine_tokens", [](Members& in) -> json { return cosine_of(in, true); }},
    {"cosine_chars", [](Members& in) -> json { return cosine_of(in, false); }},
    {"length_kimi",
     [](Members& in) -> json {
       return length_scores(in.need<std::vector<bool>>("correct"),
                            in.need<std::vector<int64_t>>("lengths"));
     }},
    {"repetition_tokens",
     [](Members& in) -> json {
       return repetition_score(in.need<std::vector<int32_t>>("completion_ids"),
                               in.need<int>("ngram_size"), in.need<double>("max_penalty"));
     }},
    {"repetition_words",
     [](Members& in) -> json {
       return word_repetition_score(completion_of(in), in.need<int>("ngram_size"),
                                    in.need<double>("max_penalty"));
     }},
}};

void check_profile(const std::string& profile, const Members& config) {
  try {
    if (!profile.empty()) profiles::find_profile(profile);
  } catch (const ArgumentError& error) {
    config.refuse(std::string("`config`: ") + error.what());
  }
}

}  // namespace

VerifyCase read_verify_case(const json& line, const std::string& where) {
  static const json kNoConfig = json::object();
  VerifyCase result;
  Members members(line, "", where);
  result.gold = members.need<std::string>("gold");
  result.prediction = members.need<std::string>("prediction");
  const auto config_at = line.find("config");
  Members config(config_at == line.end() ? kNoConfig : *config_at, "config", where);
  result.options = options_of(config);
  result.profile = config.get<std::string>("profile", "");
  config.finish();
  if (result.profile == "maths") result.profile.clear();
  check_profile(result.profile, config);
  return result;
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
    if (reward != entry.first) continue;
    Members members(input, "input", where);
    return entry.second(members);
  }
  std::string names;
  for (const auto& entry : kReferences)
    names += (names.empty() ? "" : ", ") + std::string(entry.first);
  throw FileError(where, "bad_row",
                  fmt::format("`reward` is \"{}\"; there are {}", printable(reward, 60), names));
}

}  // namespace gradus::rewards
