#include "rewards/registry.h"

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "rewards/rule_record.h"

namespace gradus::rewards {

#define GRADUS_RECORD(rule) extern const RewardRuleRecord rule;
#include "rewards/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const RewardRuleRecord* kRules[] = {
#define GRADUS_RECORD(rule) &rule,
#include "rewards/records.inc"
#undef GRADUS_RECORD
};

// Errors about files, interpreters and peers name these; here they gain the place of the rule.
template <class MakeError>
void add_place(const Error& error, const RewardConfig& config, MakeError make) {
  const std::string what = error.what();
  if (what.find(source_of(config)) == std::string::npos) throw make(source_of(config));
}

std::unique_ptr<RewardRule> make_at_its_place(const RewardRuleRecord& rule,
                                              const RewardConfig& config) {
  try {
    return rule.make(config);
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
  for (const RewardRuleRecord* rule : kRules) {
    if (config.type == rule->type) return make_at_its_place(*rule, config);
    types.emplace_back(rule->type);
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
  for (const RewardRuleRecord* rule : kRules) {
    list.push_back({rule->type, rule->text, rule->options()});
  }
  return list;
}

}  // namespace gradus::rewards
