#include "policy/formats/config_fields.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"

namespace gradus::policy {
namespace {

std::string shown_value(const nlohmann::json& value) {
  return printable(dump_json(value), 80);
}

}  // namespace

ConfigFields::ConfigFields(const nlohmann::json& object, const std::string& where,
                           std::string prefix)
    : object_(object), where_(where), prefix_(std::move(prefix)) {
  if (object.is_object()) return;
  throw FileError(
      where, "bad_config",
      fmt::format("{} is not a JSON object",
                  prefix_.empty() ? "the document" : prefix_.substr(0, prefix_.size() - 1)));
}

void ConfigFields::fail(std::string_view key, const std::string& what) const {
  throw FileError(where_, "bad_config", fmt::format("{}{}: {}", prefix_, key, what));
}

bool ConfigFields::is_stated(std::string_view key) const {
  return object_.find(key) != object_.end();
}

const nlohmann::json* ConfigFields::value(std::string_view key) const {
  const auto it = object_.find(key);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

const nlohmann::json& ConfigFields::required(std::string_view key) const {
  if (const auto* found = value(key)) return *found;
  fail(key, "is missing");
}

int64_t ConfigFields::whole(std::string_view key, int64_t low, int64_t high) const {
  const nlohmann::json& field = required(key);
  // A double holds every value in our ranges, and compares safely with what overflows them.
  const double number = field.is_number() ? field.get<double>() : std::nan("");
  if (number >= static_cast<double>(low) && number <= static_cast<double>(high) &&
      number == std::floor(number)) {
    return static_cast<int64_t>(number);
  }
  fail(key,
       fmt::format("is {}, must be a whole number from {} to {}", shown_value(field), low, high));
}

int64_t ConfigFields::whole_or(std::string_view key, int64_t fallback, int64_t low,
                               int64_t high) const {
  return has(key) ? whole(key, low, high) : fallback;
}

double ConfigFields::real(std::string_view key, double low, double high) const {
  const nlohmann::json& field = required(key);
  const double number = field.is_number() ? field.get<double>() : std::nan("");
  if (number >= low && number <= high) return number;
  fail(key,
       fmt::format("is {}, must be a number from {:g} to {:g}", shown_value(field), low, high));
}

double ConfigFields::real_or(std::string_view key, double fallback, double low, double high) const {
  return has(key) ? real(key, low, high) : fallback;
}

std::optional<double> ConfigFields::real_if(std::string_view key, double low, double high) const {
  return has(key) ? std::optional<double>(real(key, low, high)) : std::nullopt;
}

bool ConfigFields::flag_or(std::string_view key, bool fallback) const {
  const nlohmann::json* field = value(key);
  if (field == nullptr) return fallback;
  if (!field->is_boolean())
    fail(key, fmt::format("is {}, must be true or false", shown_value(*field)));
  return field->get<bool>();
}

std::string ConfigFields::text_or(std::string_view key, std::string_view fallback) const {
  const nlohmann::json* field = value(key);
  if (field == nullptr) return std::string(fallback);
  if (!field->is_string()) fail(key, fmt::format("is {}, must be a string", shown_value(*field)));
  return field->get<std::string>();
}

ConfigFields ConfigFields::object(std::string_view key) const {
  return {required(key), where_, fmt::format("{}{}.", prefix_, key)};
}

}  // namespace gradus::policy
