#include "service/http/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace gradus::service {
namespace {

std::string kind_of(const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::null:
      return "null";
    case nlohmann::json::value_t::boolean:
      return "a boolean";
    case nlohmann::json::value_t::string:
      return "a string";
    case nlohmann::json::value_t::array:
      return "an array";
    case nlohmann::json::value_t::object:
      return "an object";
    case nlohmann::json::value_t::number_float:
      return "a decimal number";
    default:
      return "an integer";
  }
}

size_t count_characters(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

void refuse_field(const std::string& param, const std::string& why, const std::string& code) {
  throw HttpError(400, fmt::format("Invalid '{}': {}.", param, why), code, param);
}

void refuse_field_type(const std::string& param, const char* expected, const nlohmann::json& got) {
  throw HttpError(400,
                  fmt::format("Invalid type for '{}': expected {}, but got {} instead.", param,
                              expected, kind_of(got)),
                  "invalid_type", param);
}

Fields::Fields(const nlohmann::json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object.is_object()) refuse_field_type(where_, "an object", object);
}

const nlohmann::json* Fields::find(const std::string& key) {
  read_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json& Fields::need(const std::string& key) {
  if (const auto* value = find(key)) return *value;
  throw HttpError(400, fmt::format("Missing required parameter: '{}'.", path(key)),
                  "missing_required_parameter", path(key));
}

std::optional<std::string> Fields::optional_text(const std::string& key, size_t max_length) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse_field_type(path(key), "a string", *value);
  auto text = value->get<std::string>();
  if (count_characters(text) > max_length) {
    refuse_field(path(key), fmt::format("string too long, the most is {} characters", max_length),
                 "string_above_max_length");
  }
  return text;
}

std::string Fields::text(const std::string& key, size_t max_length) {
  need(key);
  return *optional_text(key, max_length);
}

std::optional<int64_t> Fields::integer(const std::string& key, int64_t low, int64_t high) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    const bool is_whole = value->is_number_float() &&
                          value->get<double>() == std::floor(value->get<double>()) &&
                          std::abs(value->get<double>()) < 9e15;
    if (!is_whole) refuse_field_type(path(key), "an integer", *value);
  }
  const bool is_huge = value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX;
  const int64_t number = is_huge ? INT64_MAX : value->get<int64_t>();
  if (number < low)
    refuse_field(path(key), fmt::format("must be at least {}", low), "integer_below_min_value");
  if (is_huge || number > high)
    refuse_field(path(key), fmt::format("must be at most {}", high), "integer_above_max_value");
  return number;
}

std::optional<double> Fields::number(const std::string& key, double low, double high,
                                     bool low_is_open) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) refuse_field_type(path(key), "a number", *value);
  const auto number = value->get<double>();
  if (number < low || (low_is_open && number <= low)) {
    refuse_field(path(key), fmt::format("must be {} {}", low_is_open ? "above" : "at least", low),
                 "decimal_below_min_value");
  }
  if (number > high)
    refuse_field(path(key), fmt::format("must be at most {}", high), "decimal_above_max_value");
  return number;
}

bool Fields::flag(const std::string& key, bool if_absent) {
  const auto* value = find(key);
  if (value == nullptr) return if_absent;
  if (!value->is_boolean()) refuse_field_type(path(key), "a boolean", *value);
  return value->get<bool>();
}

std::optional<std::string> Fields::choice(const std::string& key,
                                          const std::vector<std::string>& choices) {
  const auto text = optional_text(key);
  if (text && std::ranges::find(choices, *text) == choices.end()) {
    refuse_field(path(key), fmt::format("must be one of '{}'", fmt::join(choices, "', '")));
  }
  return text;
}

void Fields::pass_over(std::initializer_list<const char*> keys) {
  for (const char* key : keys) read_.insert(key);
}

void Fields::finish() const {
  for (const auto& [key, value] : object_.items()) {
    if (read_.contains(key)) continue;
    throw HttpError(400, fmt::format("Unknown parameter: '{}'.", path(key)), "unknown_parameter",
                    path(key));
  }
}

nlohmann::json read_metadata(Fields& fields) {
  const auto* metadata = fields.find("metadata");
  if (metadata == nullptr) return nullptr;
  const std::string where = fields.path("metadata");
  if (!metadata->is_object()) refuse_field_type(where, "an object", *metadata);
  if (metadata->size() > 16) refuse_field(where, "at most 16 pairs", "object_above_max_properties");
  for (const auto& [key, value] : metadata->items()) {
    if (count_characters(key) > 64) refuse_field(where, "keys have at most 64 characters");
    if (!value.is_string()) refuse_field_type(where + "." + key, "a string", value);
    if (count_characters(value.get<std::string>()) > 512) {
      refuse_field(where + "." + key, "values have at most 512 characters",
                   "string_above_max_length");
    }
  }
  return *metadata;
}

}  // namespace gradus::service
