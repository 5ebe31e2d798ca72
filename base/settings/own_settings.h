#pragma once

#include <any>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/settings/setting.h"

namespace gradus {

/// The settings of one record of a registry, without their type: a value that knows its `describe`.
class OwnSettings {
 public:
  /// @param config  the defaults.
  template <class Config>
  static OwnSettings of(Config config) {
    OwnSettings own;
    own.value_ = std::move(config);
    own.fields_ = [](std::any& value) { return SettingFields::of(*std::any_cast<Config>(&value)); };
    return own;
  }

  /// @throws std::bad_any_cast  it holds another type: a fault of the program.
  template <class Config>
  const Config& as() const {
    return std::any_cast<const Config&>(value_);
  }

  SettingFields fields() { return fields_(value_); }

 private:
  std::any value_;
  SettingFields (*fields_)(std::any&) = nullptr;
};

/// The own settings of every record of a registry that has any, each a section of its name:
/// [rl.sapo]. A record says its defaults by `OwnSettings (*own)()`, null where it has none.
class RecordSettings {
 public:
  template <class Registry>
  static RecordSettings defaults(const Registry& registry) {
    RecordSettings all;
    for (const auto* record : registry.records())
      if (record->own != nullptr)
        all.values_.emplace(record->name, Named{record->text, record->own()});
    return all;
  }

  template <class Config>
  const Config& of(std::string_view record) const {
    return values_.find(record)->second.settings.template as<Config>();
  }

  /// @throws std::out_of_range  it has none.
  SettingFields fields_of(std::string_view record) {
    return values_.at(std::string(record)).settings.fields();
  }

  /// For `describe` of the config that holds this.
  template <class Field>
  void describe_sections(Field&& field) {
    for (auto& [name, named] : values_) {
      OwnSettings& settings = named.settings;
      field.section_of(name, std::string(named.text), [&settings] { return settings.fields(); });
    }
  }

 private:
  struct Named {
    std::string_view text;
    OwnSettings settings;
  };
  std::map<std::string, Named, std::less<>> values_;
};

}  // namespace gradus
