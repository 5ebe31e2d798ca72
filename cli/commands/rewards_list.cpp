#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/json.h"
#include "cli/commands/command_record.h"
#include "rewards/registry.h"
#include "rewards/reward_config.h"

namespace gradus::cli {
namespace {

nlohmann::json as_json(const std::vector<SettingInfo>& settings) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& setting : settings) {
    list.push_back({{"key", setting.key},
                    {"type", setting.type},
                    {"default", setting.default_value},
                    {"constraint", setting.constraint},
                    {"text", setting.text}});
  }
  return list;
}

std::string as_text(const std::vector<SettingInfo>& settings) {
  std::string text;
  for (const auto& setting : settings) {
    text += fmt::format("    {} ({}, default {}{}): {}\n", setting.key, setting.type,
                        setting.default_value.empty() ? "none" : setting.default_value,
                        setting.constraint.empty() ? "" : ", " + setting.constraint, setting.text);
  }
  return text;
}

void print_rules(bool as_lines_of_json, std::ostream& out) {
  const auto common = rewards::common_reward_settings();
  if (!as_lines_of_json) out << "every rule\n" << as_text(common);
  for (const auto& rule : rewards::list_reward_rules()) {
    if (as_lines_of_json) {
      out << dump_json({{"type", rule.type},
                        {"text", rule.text},
                        {"options", as_json(rule.options)},
                        {"common_options", as_json(common)}})
          << "\n";
    } else {
      out << rule.type << ": " << rule.text << "\n" << as_text(rule.options);
    }
  }
}

void declare_rewards_list(Command app, Session& session) {
  auto wants_json = std::make_shared<bool>(false);
  app.add_flag("--json", *wants_json, "one JSON object per rule and line");
  app.callback([wants_json, &session] { print_rules(*wants_json, session.out); });
}

}  // namespace

extern const CommandRecord kRewardsListCommand{
    "rewards", "list", "all reward rules and their options", declare_rewards_list};

}  // namespace gradus::cli
