#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/json.h"
#include "cli/commands/commands.h"
#include "rewards/registry.h"

namespace gradus::cli {
namespace {

nlohmann::json as_json(const rewards::RewardRuleInfo& rule) {
  nlohmann::json options = nlohmann::json::array();
  for (const auto& option : rule.options) {
    options.push_back({{"key", option.key},
                       {"type", option.type},
                       {"default", option.default_value},
                       {"constraint", option.constraint},
                       {"text", option.text}});
  }
  return {{"type", rule.type}, {"text", rule.text}, {"options", options}};
}

std::string as_text(const rewards::RewardRuleInfo& rule) {
  std::string text = fmt::format("{}: {}\n", rule.type, rule.text);
  for (const auto& option : rule.options) {
    text += fmt::format("    {} ({}, default {}{}): {}\n", option.key, option.type,
                        option.default_value.empty() ? "none" : option.default_value,
                        option.constraint.empty() ? "" : ", " + option.constraint, option.text);
  }
  return text;
}

}  // namespace

void add_rewards_list(Command parent, Session& session) {
  auto wants_json = std::make_shared<bool>(false);
  Command app = parent.add_subcommand("list", "all reward rules and their options");
  app.add_flag("--json", *wants_json, "one JSON object per rule and line");
  app.callback([wants_json, &session] {
    for (const auto& rule : rewards::list_reward_rules()) {
      session.out << (*wants_json ? dump_json(as_json(rule)) + "\n" : as_text(rule));
    }
  });
}

}  // namespace gradus::cli
