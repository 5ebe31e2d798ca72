#include "rewards/registry.h"

#include <array>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "rewards/rules.h"

namespace gradus::rewards {
namespace {

struct Entry {
  const char* type;
  const char* text;
  std::unique_ptr<RewardRule> (*make)(const RewardConfig&);
  std::vector<SettingInfo> (*options)();
};

constexpr std::array kRules{
    Entry{"accuracy", "the final answer equals the row's answer, exactly", make_accuracy_rule,
          accuracy_options},
    Entry{"format", "think and answer tags as asked for", make_format_rule, format_options},
    Entry{"reasoning_steps", "three or more marks of step-by-step reasoning",
          make_reasoning_steps_rule, reasoning_steps_options},
    Entry{"soft_overlong", "a penalty that grows over the last tokens before the limit (DAPO)",
          make_soft_overlong_rule, soft_overlong_options},
    Entry{"cosine", "right answers pay more when short, wrong ones when long", make_cosine_rule,
          cosine_options},
    Entry{"length", "shorter than the group's others pays (Kimi k1.5)", make_length_rule,
          length_options},
    Entry{"repetition", "a penalty for repeated n-grams", make_repetition_rule, repetition_options},
    Entry{"countdown", "an expression over the given numbers reaches the target",
          make_countdown_rule, countdown_options},
    Entry{"exact_match", "the text, or a part of it, is the row's answer", make_exact_match_rule,
          exact_match_options},
    Entry{"word_overlap", "f1 of the words shared with the row's answer (SQuAD)",
          make_word_overlap_rule, word_overlap_options},
    Entry{"regex", "a regular expression is found, or its group is the row's answer",
          make_regex_rule, regex_options},
    Entry{"ifeval", "instructions that a program can check, as in IFEval", make_ifeval_rule,
          ifeval_options},
    Entry{"json_schema", "JSON of the wanted form", make_json_schema_rule, json_schema_options},
    Entry{"language_consistency", "share of the reasoning that is in the wanted language (R1)",
          make_language_consistency_rule, language_consistency_options},
    Entry{"length_budget", "as long as asked for, or not longer (L1: LCPO-Exact, LCPO-Max)",
          make_length_budget_rule, length_budget_options},
    Entry{"grader", "a grader in OpenAI's JSON form", make_grader_rule, grader_options},
    Entry{"python", "a function of yours in a Python file (TRL's, verl's or OpenAI's form)",
          make_python_rule, python_options},
    Entry{"code", "the last fenced program passes the row's tests, in the sandbox", make_code_rule,
          code_options},
    Entry{"command", "a program of yours that answers lines of JSON", make_command_rule,
          command_options},
    Entry{"library", "a shared library of yours", make_library_rule, library_options},
    Entry{"lua", "a function of yours in a Lua file", make_lua_rule, lua_options},
};

// Errors about files, interpreters and peers name these; here they gain the place of the rule.
template <class MakeError>
void add_place(const Error& error, const RewardConfig& config, MakeError make) {
  const std::string what = error.what();
  if (what.find(source_of(config)) == std::string::npos) throw make(source_of(config));
}

std::unique_ptr<RewardRule> make_at_its_place(const Entry& entry, const RewardConfig& config) {
  try {
    return entry.make(config);
  } catch (const FileError& error) {
    add_place(error, config, [&](const std::string& place) {
      return FileError(place, error.kind(), error.what());
    });
    throw;
  } catch (const PeerError& error) {
    add_place(error, config,
              [&](const std::string& place) { return PeerError(place + ": " + error.what()); });
    throw;
  } catch (const Error& error) {
    add_place(error, config,
              [&](const std::string& place) { return ConfigError(place + ": " + error.what()); });
    throw;
  }
}

}  // namespace

std::unique_ptr<RewardRule> make_reward_rule(const RewardConfig& config) {
  std::vector<std::string> types;
  for (const Entry& entry : kRules) {
    if (config.type == entry.type) return make_at_its_place(entry, config);
    types.emplace_back(entry.type);
  }
  std::string list;
  for (const auto& type : types) list += (list.empty() ? "" : ", ") + type;
  const auto nearest = nearest_name(config.type, types);
  throw ConfigError(source_of(config) + ": type: \"" + printable(config.type, 100) +
                    "\" is not a rule; " +
                    (nearest ? "did you mean \"" + *nearest + "\"?" : "there are " + list));
}

std::vector<RewardRuleInfo> list_reward_rules() {
  std::vector<RewardRuleInfo> list;
  for (const Entry& entry : kRules) list.push_back({entry.type, entry.text, entry.options()});
  return list;
}

}  // namespace gradus::rewards
