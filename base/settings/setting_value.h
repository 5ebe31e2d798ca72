#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Whether a run that goes on may change a setting without being told so by name, because its
/// result stays a function of one recipe.
enum class OnResume {
  fixed,          ///< it can change the result
  free,           ///< records and limits alone
  free_if_exact,  ///< speed and memory, where results do not depend on how rows are batched and
                  ///< shared among threads: with the native kernels
  conditional,    ///< free as its condition says, which the recipe's reader checks
};

/// What a setting's value must satisfy. Lists are checked element by element, unless `on_whole`;
/// an unset optional always passes.
struct SettingConstraint {
  std::string text;                                  // ">= 2"; empty: anything goes
  std::function<bool(const nlohmann::json&)> holds;  // null: anything goes
  bool on_whole = false;
  std::string advice;  // appended to the error
  OnResume on_resume = OnResume::fixed;
  std::string condition{};  // of OnResume::conditional, for people

  /// The same constraint with a sentence that the error ends with.
  SettingConstraint hint(std::string sentence) &&;
  /// OnResume::free, free_if_exact and conditional.
  SettingConstraint records_only() &&;
  SettingConstraint speed_only() &&;
  SettingConstraint free_on_condition(std::string text) &&;
};

SettingConstraint any();
SettingConstraint at_least(double bound);
SettingConstraint at_most(double bound);
SettingConstraint between(double low, double high);  // both ends included
SettingConstraint positive();                        // > 0
SettingConstraint non_empty();                       // text or list
SettingConstraint one_of(std::initializer_list<const char*> texts);
SettingConstraint one_of(std::vector<std::string> texts);

/// Names of an enum's values: one_of<Kind>({{"token", Kind::token}, {"sequence", Kind::sequence}}).
template <class Enum>
struct SettingChoices {
  std::vector<std::pair<std::string, Enum>> choices;
};

template <class Enum>
SettingChoices<Enum> one_of(std::initializer_list<std::pair<const char*, Enum>> choices) {
  return {{choices.begin(), choices.end()}};
}

/// How C++ types meet JSON values. `assign` returns what is wrong ("must be an integer"), or
/// nothing; on a fault the target keeps its value.
namespace setting_value {

using Fault = std::optional<std::string>;

Fault assign(bool& target, const nlohmann::json& value);
Fault assign(int& target, const nlohmann::json& value);
Fault assign(int64_t& target, const nlohmann::json& value);
Fault assign(uint64_t& target, const nlohmann::json& value);
Fault assign(double& target, const nlohmann::json& value);
Fault assign(std::string& target, const nlohmann::json& value);
Fault assign(nlohmann::json& target, const nlohmann::json& value);

std::string type_name(const bool&);
std::string type_name(const int&);
std::string type_name(const int64_t&);
std::string type_name(const uint64_t&);
std::string type_name(const double&);
std::string type_name(const std::string&);
std::string type_name(const nlohmann::json&);

template <class T>
Fault assign(std::vector<T>& target, const nlohmann::json& value) {
  if (!value.is_array()) return "must be a list";
  std::vector<T> elements;
  for (const auto& entry : value) {
    T element{};
    if (Fault fault = assign(element, entry)) {
      return "element " + std::to_string(elements.size()) + " " + *fault;
    }
    elements.push_back(std::move(element));
  }
  target = std::move(elements);
  return std::nullopt;
}

/// Unset is written "none": TOML has no null, and a resolved recipe must say it.
template <class T>
Fault assign(std::optional<T>& target, const nlohmann::json& value) {
  if (value.is_null() || value == "none") {
    target.reset();
    return std::nullopt;
  }
  T set{};
  if (Fault fault = assign(set, value)) return *fault + ", or \"none\"";
  target = std::move(set);
  return std::nullopt;
}

template <class T>
std::string type_name(const std::vector<T>&) {
  return "list of " + type_name(T{});
}

template <class T>
std::string type_name(const std::optional<T>&) {
  return type_name(T{}) + " or none";
}

template <class T>
nlohmann::json to_json(const T& value) {
  return value;
}

template <class T>
nlohmann::json to_json(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

/// True where `--set key=text` takes the text as it is, without quotes.
template <class T>
constexpr bool takes_text(const T*) {
  return false;
}
constexpr bool takes_text(const std::string*) {
  return true;
}
constexpr bool takes_text(const std::optional<std::string>*) {
  return true;
}

}  // namespace setting_value
}  // namespace gradus
