#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/settings/setting_value.h"

namespace gradus {

/// Settings: a config is a plain struct with defaults in place, and one list per struct
///
///   template <class Field>
///   void describe(GrpoConfig& c, Field&& field) {
///     field("group_size", c.group_size, at_least(2).hint("try 8"), "completions per prompt");
///     field("level", c.level, one_of<Level>({{"token", Level::token}}), "where ratios are taken");
///     field.section("optimizer", c.optimizer, "how weights move");       // [optimizer]
///     field.tables("rewards", c.rewards, "what is rewarded");            // [[rewards]]
///     field.named_tables("stages", c.stages, "stages by name");          // [stages.NAME]
///   }
///
/// gives reading of TOML and JSON, `--set`, `--help`, the dump and the comparison below. Types:
/// bool, int, int64_t, uint64_t, double, std::string, enums by one_of<E>, std::vector and
/// std::optional of those, nlohmann::json (any value), nested structs, lists and maps of structs.
/// `describe` lives in the struct's namespace.

class SettingFields;

/// One line of a struct's list, without its C++ type.
struct Setting {
  enum class Kind { value, section, tables, named_tables, rest, location, renamed };
  using Entry = std::pair<std::string, SettingFields>;  // name in a map, else empty

  Kind kind = Kind::value;
  std::string key;
  std::string type;
  std::string text;
  SettingConstraint constraint;
  bool takes_text = false;
  std::function<nlohmann::json()> get;                             // value, rest
  std::function<setting_value::Fault(const nlohmann::json&)> set;  // value, rest, location
  std::function<SettingFields()> open;  // section: its fields; tables: those of a default entry
  std::function<std::vector<Entry>()> entries;                   // tables, named_tables
  std::function<SettingFields(const std::string& name)> append;  // tables, named_tables
  std::function<void()> clear;                                   // tables, named_tables
};

/// The `field` that `describe` is given: collects the list of one struct. Holds references into
/// the struct.
class SettingFields {
 public:
  template <class T>
  void operator()(const char* key, T& value, SettingConstraint constraint,
                  const std::string& text) {
    Setting setting = named(Setting::Kind::value, key, text);
    setting.type = setting_value::type_name(value);
    setting.constraint = std::move(constraint);
    setting.takes_text = setting_value::takes_text(&value);
    setting.get = [&value] { return setting_value::to_json(value); };
    setting.set = [&value](const nlohmann::json& json) {
      return setting_value::assign(value, json);
    };
    settings_.push_back(std::move(setting));
  }

  template <class Enum>
  void operator()(const char* key, Enum& value, SettingChoices<Enum> choices,
                  const std::string& text) {
    std::vector<std::string> names = names_of(choices);
    Setting setting = choice(key, text, names);
    setting.get = [&value, choices]() -> nlohmann::json { return name_of(choices, value); };
    setting.set = [&value, choices, names](const nlohmann::json& json) -> setting_value::Fault {
      const auto index = index_of(names, json);
      if (!index) return choice_fault(names, json);
      value = choices.choices[*index].second;
      return std::nullopt;
    };
    settings_.push_back(std::move(setting));
  }

  template <class Enum>
  void operator()(const char* key, std::optional<Enum>& value, SettingChoices<Enum> choices,
                  const std::string& text) {
    std::vector<std::string> names = names_of(choices);
    Setting setting = choice(key, text, names);
    setting.type += " or none";
    setting.get = [&value, choices]() -> nlohmann::json {
      if (!value) return nullptr;
      return name_of(choices, *value);
    };
    setting.set = [&value, choices, names](const nlohmann::json& json) -> setting_value::Fault {
      if (json.is_null() || json == "none") {
        value.reset();
        return std::nullopt;
      }
      const auto index = index_of(names, json);
      if (!index) return choice_fault(names, json);
      value = choices.choices[*index].second;
      return std::nullopt;
    };
    settings_.push_back(std::move(setting));
  }

  template <class Config>
  void section(const char* key, Config& config, const std::string& text) {
    Setting setting = named(Setting::Kind::section, key, text);
    setting.open = [&config] { return of(config); };
    settings_.push_back(std::move(setting));
  }

  /// A section whose fields are listed by a function, e.g. of a type that only its owner knows.
  void section_of(const std::string& key, const std::string& text,
                  std::function<SettingFields()> open);

  /// A key of former times for `target` (a path below this table): read, never written.
  void renamed(const char* key, const char* target);

  template <class Config>
  void tables(const char* key, std::vector<Config>& list, const std::string& text) {
    Setting setting = named(Setting::Kind::tables, key, text);
    setting.open = prototype<Config>();
    setting.clear = [&list] { list.clear(); };
    setting.append = [&list](const std::string&) { return of(list.emplace_back()); };
    setting.entries = [&list] {
      std::vector<Setting::Entry> entries;
      for (auto& config : list) entries.emplace_back("", of(config));
      return entries;
    };
    settings_.push_back(std::move(setting));
  }

  template <class Config>
  void named_tables(const char* key, std::map<std::string, Config>& map, const std::string& text) {
    Setting setting = named(Setting::Kind::named_tables, key, text);
    setting.open = prototype<Config>();
    setting.clear = [&map] { map.clear(); };
    setting.append = [&map](const std::string& name) { return of(map[name]); };
    setting.entries = [&map] {
      std::vector<Setting::Entry> entries;
      for (auto& [name, config] : map) entries.emplace_back(name, of(config));
      return entries;
    };
    settings_.push_back(std::move(setting));
  }

  /// Keys of this table that the list does not name go to `options` (an object) unchecked, for a
  /// plug-in that checks them itself.
  void rest(nlohmann::json& options, const std::string& text);

  /// Set to where the table was read ("recipe.toml:12: rewards[0]"); neither a key nor dumped.
  void location(std::string& where);

  const std::vector<Setting>& settings() const { return settings_; }

  template <class Config>
  static SettingFields of(Config& config) {
    SettingFields fields;
    describe(config, fields);
    return fields;
  }

 private:
  static Setting named(Setting::Kind kind, const std::string& key, const std::string& text);
  static Setting choice(const std::string& key, const std::string& text,
                        const std::vector<std::string>& names);
  static std::optional<size_t> index_of(const std::vector<std::string>& names,
                                        const nlohmann::json& value);
  static std::string choice_fault(const std::vector<std::string>& names,
                                  const nlohmann::json& value);

  template <class Enum>
  static std::vector<std::string> names_of(const SettingChoices<Enum>& choices) {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices.choices) names.push_back(name);
    return names;
  }

  template <class Enum>
  static std::string name_of(const SettingChoices<Enum>& choices, Enum wanted) {
    for (const auto& [name, value] : choices.choices) {
      if (value == wanted) return name;
    }
    return "?";
  }

  template <class Config>
  static std::function<SettingFields()> prototype() {
    return [config = std::make_shared<Config>()] { return of(*config); };
  }

  std::vector<Setting> settings_;
};

/// A line of `--help`.
struct SettingInfo {
  std::string key;            // "rl.group_size", "rewards[].type"
  std::string type;           // "integer"
  std::string default_value;  // in TOML's syntax
  std::string constraint;     // ">= 2", or empty
  std::string text;
  OnResume on_resume = OnResume::fixed;
  std::string condition;  // of OnResume::conditional
};

struct SettingDifference {
  std::string key;
  nlohmann::json left;  // null: absent or unset
  nlohmann::json right;
};

/// The work of the templates below, on a collected list; code calls the templates.
void read_fields(const SettingFields& fields, std::string_view toml, const std::string& source);
void read_fields_json(const SettingFields& fields, const nlohmann::json& values,
                      const std::string& source);
void set_field(const SettingFields& fields, std::string_view assignment);
void check_fields(const SettingFields& fields, const std::string& source);
std::string fields_to_toml(const SettingFields& fields, bool with_texts);
nlohmann::json fields_to_json(const SettingFields& fields);
std::vector<SettingInfo> list_fields(const SettingFields& fields);
std::vector<SettingDifference> compare_json(const nlohmann::json& left,
                                            const nlohmann::json& right);

/// Reads TOML over the config: keys that are absent keep their value, a list of tables is
/// replaced as a whole. On an error the config is unchanged.
/// @throws ConfigError  "recipe.toml:12: rl.group_size: is 1, must be >= 2. <hint>"; unknown keys
///                      are refused with the nearest name; so are duplicates and wrong types.
template <class Config>
void read_settings(Config& config, std::string_view toml, const std::string& source) {
  Config changed = config;
  read_fields(SettingFields::of(changed), toml, source);
  config = std::move(changed);
}

/// The same from a JSON object; `source` begins the errors.
template <class Config>
void read_settings_json(Config& config, const nlohmann::json& values, const std::string& source) {
  Config changed = config;
  read_fields_json(SettingFields::of(changed), values, source);
  config = std::move(changed);
}

/// Applies "rl.kl_coef=0.01". The field's type reads the value: text needs no quotes, lists and
/// tables are in TOML's syntax; entries are named `rewards[0].weight`, `stages.cold.num_steps`.
template <class Config>
void apply_set(Config& config, std::string_view assignment) {
  Config changed = config;
  set_field(SettingFields::of(changed), assignment);
  config = std::move(changed);
}

/// Checks the constraints of all values, defaults included: a setting that must be given (its
/// default breaks its constraint) is found here. Call it after the last read and set.
template <class Config>
void check_settings(const Config& config, const std::string& source) {
  Config copy = config;
  check_fields(SettingFields::of(copy), source);
}

/// Every setting with its value, as TOML that reads back to the same config, bit for bit;
/// with_texts adds each setting's type, constraint and text as a comment.
template <class Config>
std::string to_toml(const Config& config, bool with_texts = false) {
  Config copy = config;
  return fields_to_toml(SettingFields::of(copy), with_texts);
}

/// Named apart from `to_json`, which is nlohmann's hook for conversions.
template <class Config>
nlohmann::json settings_json(const Config& config) {
  Config copy = config;
  return fields_to_json(SettingFields::of(copy));
}

template <class Config>
std::vector<SettingInfo> list_settings(const Config& config) {
  Config copy = config;
  return list_fields(SettingFields::of(copy));
}

/// Settings whose values differ, by key.
template <class Config>
std::vector<SettingDifference> compare_settings(const Config& left, const Config& right) {
  return compare_json(settings_json(left), settings_json(right));
}

}  // namespace gradus
