#include "base/settings/setting_value.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/printable.h"

namespace gradus {
namespace {

using nlohmann::json;

// A long double holds every int64, uint64 and double exactly on the machines we run on.
long double number_of(const json& value) {
  if (value.is_number_unsigned()) return static_cast<long double>(value.get<uint64_t>());
  if (value.is_number_integer()) return static_cast<long double>(value.get<int64_t>());
  return static_cast<long double>(value.get<double>());
}

SettingConstraint numeric(std::string text, std::function<bool(long double)> holds) {
  return {std::move(text),
          [holds = std::move(holds)](const json& value) {
            return value.is_number() && holds(number_of(value));
          },
          false,
          {}};
}

}  // namespace

SettingConstraint SettingConstraint::hint(std::string sentence) && {
  advice = std::move(sentence);
  return std::move(*this);
}

SettingConstraint SettingConstraint::records_only() && {
  on_resume = OnResume::free;
  return std::move(*this);
}

SettingConstraint SettingConstraint::speed_only() && {
  on_resume = OnResume::free_if_exact;
  return std::move(*this);
}

SettingConstraint SettingConstraint::free_on_condition(std::string text_of_it) && {
  on_resume = OnResume::conditional;
  condition = std::move(text_of_it);
  return std::move(*this);
}

SettingConstraint any() {
  return {};
}

SettingConstraint at_least(double bound) {
  return numeric(">= " + number_text(bound), [bound](long double v) { return v >= bound; });
}

SettingConstraint at_most(double bound) {
  return numeric("<= " + number_text(bound), [bound](long double v) { return v <= bound; });
}

SettingConstraint between(double low, double high) {
  return numeric("in [" + number_text(low) + ", " + number_text(high) + "]",
                 [low, high](long double v) { return v >= low && v <= high; });
}

SettingConstraint positive() {
  return numeric("> 0", [](long double v) { return v > 0; });
}

SettingConstraint non_empty() {
  return {"set and not empty",
          [](const json& value) {
            return value.is_string() ? !value.get_ref<const std::string&>().empty()
                                     : !value.empty();
          },
          true,
          {}};
}

SettingConstraint one_of(std::initializer_list<const char*> texts) {
  return one_of(std::vector<std::string>(texts.begin(), texts.end()));
}

SettingConstraint one_of(std::vector<std::string> texts) {
  std::string text = "one of";
  for (const auto& name : texts) text += (name == texts.front() ? " " : ", ") + name;
  SettingConstraint constraint;
  constraint.text = std::move(text);
  constraint.holds = [allowed = std::move(texts)](const json& value) {
    for (const auto& name : allowed) {
      if (value == name) return true;
    }
    return false;
  };
  return constraint;
}

namespace setting_value {

Fault assign(bool& target, const json& value) {
  if (!value.is_boolean()) return "must be true or false";
  target = value.get<bool>();
  return std::nullopt;
}

Fault assign(int64_t& target, const json& value) {
  if (!value.is_number_integer()) return "must be an integer";
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return "must be at most 9223372036854775807";
  }
  target = value.get<int64_t>();
  return std::nullopt;
}

Fault assign(int& target, const json& value) {
  int64_t wide = 0;
  if (Fault fault = assign(wide, value)) return fault;
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) {
    return "must fit in 32 bits";
  }
  target = static_cast<int>(wide);
  return std::nullopt;
}

Fault assign(uint64_t& target, const json& value) {
  // TOML's integers end at 2^63 - 1; larger seeds are written as text.
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    uint64_t parsed = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (result.ec == std::errc() && result.ptr == text.data() + text.size()) {
      target = parsed;
      return std::nullopt;
    }
    return "must be an integer >= 0";
  }
  if (!value.is_number_integer()) return "must be an integer >= 0";
  if (!value.is_number_unsigned() && value.get<int64_t>() < 0) return "must be >= 0";
  target = value.get<uint64_t>();
  return std::nullopt;
}

Fault assign(double& target, const json& value) {
  if (!value.is_number()) return "must be a number";
  const double number = value.get<double>();
  if (!std::isfinite(number)) return "must be a finite number";
  target = number;
  return std::nullopt;
}

Fault assign(std::string& target, const json& value) {
  if (!value.is_string()) return "must be text in quotes";
  target = value.get<std::string>();
  return std::nullopt;
}

Fault assign(json& target, const json& value) {
  target = value;
  return std::nullopt;
}

std::string type_name(const bool&) {
  return "true or false";
}
std::string type_name(const int&) {
  return "integer";
}
std::string type_name(const int64_t&) {
  return "integer";
}
std::string type_name(const uint64_t&) {
  return "integer";
}
std::string type_name(const double&) {
  return "number";
}
std::string type_name(const std::string&) {
  return "text";
}
std::string type_name(const json&) {
  return "any value";
}

}  // namespace setting_value
}  // namespace gradus
