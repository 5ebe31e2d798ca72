#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "base/json.h"
#include "base/settings/nearest_name.h"
#include "base/settings/setting.h"
#include "cli/commands/command_record.h"
#include "rl/chain/chain_config.h"

namespace gradus::cli {
namespace {

struct HelpRecipeOptions {
  std::string key;
  bool as_json = false;
  bool as_toml = false;
};

bool is_meant(const std::string& key, const std::string& wanted) {
  return wanted.empty() || key == wanted ||
         (key.starts_with(wanted) && (key[wanted.size()] == '.' || key[wanted.size()] == '['));
}

std::vector<SettingInfo> chosen_settings(const std::string& wanted) {
  const auto all = list_settings(rl::ChainFile{});
  std::vector<SettingInfo> chosen;
  std::vector<std::string> names;
  for (const auto& setting : all) {
    names.push_back(setting.key);
    if (is_meant(setting.key, wanted)) chosen.push_back(setting);
  }
  if (chosen.empty()) {
    const auto nearest = nearest_name(wanted, names);
    throw ArgumentError(fmt::format(
        "no setting is called {}{}", wanted,
        nearest ? "; did you mean " + *nearest + "?" : "; `gradus help recipe` lists all"));
  }
  return chosen;
}

std::string section_of(const std::string& key) {
  return key.substr(0, key.find_first_of(".["));
}

// What a run that goes on may change about it without being told so; empty: nothing.
std::string free_on_resume(const SettingInfo& setting) {
  switch (setting.on_resume) {
    case OnResume::fixed:
      return "";
    case OnResume::free:
      return "yes";
    case OnResume::free_if_exact:
      return "with the native kernels";
    case OnResume::conditional:
      return setting.condition;
  }
  return "";
}

std::string setting_text(const SettingInfo& setting) {
  std::string text = fmt::format("{}  ({}, default {}", setting.key, setting.type,
                                 setting.default_value.empty() ? "none" : setting.default_value);
  if (!setting.constraint.empty()) text += ", " + setting.constraint;
  const std::string change = free_on_resume(setting);
  if (!change.empty()) text += ", free on resume: " + change;
  return text + ")\n    " + setting.text + "\n";
}

nlohmann::json setting_json(const SettingInfo& setting) {
  return {{"key", setting.key},
          {"type", setting.type},
          {"default", setting.default_value},
          {"constraint", setting.constraint},
          {"free_on_resume", free_on_resume(setting)},
          {"text", setting.text}};
}

void help_recipe(const HelpRecipeOptions& options, Session& session) {
  if (options.as_toml) {
    session.out << to_toml(rl::ChainFile{}, true);
    return;
  }
  std::string section;
  for (const auto& setting : chosen_settings(options.key)) {
    if (options.as_json) {
      session.out << dump_json(setting_json(setting)) << "\n";
      continue;
    }
    if (!section.empty() && section != section_of(setting.key)) session.out << "\n";
    section = section_of(setting.key);
    session.out << setting_text(setting);
  }
}

void declare_help_recipe(Command app, Session& session) {
  auto options = std::make_shared<HelpRecipeOptions>();
  app.add_option("key", options->key, "only this key or section, e.g. rl or rl.kl_coef");
  app.add_flag("--toml", options->as_toml, "a whole recipe with the defaults and comments");
  app.add_flag("--json", options->as_json, "one JSON object per key and line");
  app.callback([options, &session] { help_recipe(*options, session); });
}

}  // namespace

extern const CommandRecord kHelpRecipeCommand{
    "help", "recipe", "every key of a recipe: type, default, constraint and what it does",
    declare_help_recipe};

}  // namespace gradus::cli
