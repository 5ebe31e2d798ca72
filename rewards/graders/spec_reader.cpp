#include "rewards/graders/spec_reader.h"

#include <algorithm>

#include "base/printable.h"

namespace gradus::rewards::graders {
namespace {

using nlohmann::json;

const char* type_name(const json& value) {
  if (value.is_null()) return "null";
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "a boolean";
  if (value.is_number_integer()) return "an integer";
  if (value.is_number()) return "a decimal";
  return value.is_array() ? "an array" : "an object";
}

}  // namespace

void refuse_type(const std::string& param, const char* expected, const json& got) {
  const std::string what = got.is_null() ? "null" : std::string(type_name(got));
  throw GraderSpecError(
      param, "invalid_type",
      "Invalid type for '" + param + "': expected " + expected + ", but got " + what + " instead.");
}

void refuse_value(const std::string& param, const std::string& message) {
  throw GraderSpecError(param, "invalid_value", message);
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string list;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) list += words.size() == 2 ? " " : ", ";
    if (i > 0 && i + 1 == words.size()) list += "and ";
    list += "'" + words[i] + "'";
  }
  return list;
}

Template read_template(const std::string& text, const std::string& param) {
  try {
    return Template(text);
  } catch (const TemplateError& error) {
    refuse_value(param, "Invalid template in '" + param + "': " + error.what() + ".");
  }
}

SpecReader::SpecReader(const json& value, std::string where)
    : value_(value), where_(std::move(where)) {
  if (!value_.is_object()) refuse_type(where_, "an object", value_);
}

const json* SpecReader::optional_value(const std::string& key) {
  read_.insert(key);
  const auto found = value_.find(key);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

const json& SpecReader::value(const std::string& key) {
  read_.insert(key);
  const auto found = value_.find(key);
  if (found == value_.end()) {
    throw GraderSpecError(path(key), "missing_required_parameter",
                          "Missing required parameter: '" + path(key) + "'.");
  }
  return *found;
}

std::string SpecReader::text(const std::string& key) {
  const json& field = value(key);
  if (!field.is_string()) refuse_type(path(key), "a string", field);
  return field.get<std::string>();
}

std::optional<std::string> SpecReader::optional_text(const std::string& key) {
  const json* field = optional_value(key);
  if (field == nullptr) return std::nullopt;
  if (!field->is_string()) refuse_type(path(key), "a string", *field);
  return field->get<std::string>();
}

std::optional<double> SpecReader::optional_number(const std::string& key, double low, double high) {
  const json* field = optional_value(key);
  if (field == nullptr) return std::nullopt;
  if (!field->is_number()) refuse_type(path(key), "a decimal", *field);
  const double number = field->get<double>();
  if (number < low || number > high) {
    throw GraderSpecError(path(key),
                          number < low ? "decimal_below_min_value" : "decimal_above_max_value",
                          "Invalid '" + path(key) + "': decimal " +
                              (number < low ? "below minimum value. Expected a value >= "
                                            : "above maximum value. Expected a value <= ") +
                              number_text(number < low ? low : high) + ", but got " +
                              number_text(number) + " instead.");
  }
  return number;
}

std::optional<int64_t> SpecReader::optional_integer(const std::string& key, int64_t low,
                                                    int64_t high) {
  const json* field = optional_value(key);
  if (field == nullptr) return std::nullopt;
  if (!field->is_number_integer()) refuse_type(path(key), "an integer", *field);
  // Past int64_t a JSON number is unsigned, hence above every maximum.
  const bool is_huge = field->is_number_unsigned() && field->get<uint64_t>() > INT64_MAX;
  const int64_t number = is_huge ? INT64_MAX : field->get<int64_t>();
  if (number < low || number > high || is_huge) {
    const bool is_low = number < low;
    throw GraderSpecError(path(key), is_low ? "integer_below_min_value" : "integer_above_max_value",
                          "Invalid '" + path(key) + "': integer " +
                              (is_low ? "below minimum value. Expected a value >= "
                                      : "above maximum value. Expected a value <= ") +
                              std::to_string(is_low ? low : high) + ", but got " + field->dump() +
                              " instead.");
  }
  return number;
}

std::vector<std::string> SpecReader::texts(const std::string& key) {
  const json& field = value(key);
  if (!field.is_array()) refuse_type(path(key), "an array of strings", field);
  std::vector<std::string> texts;
  for (const json& entry : field) {
    const std::string param = path(key) + "[" + std::to_string(texts.size()) + "]";
    if (!entry.is_string()) refuse_type(param, "a string", entry);
    texts.push_back(entry.get<std::string>());
  }
  if (texts.empty()) {
    throw GraderSpecError(path(key), "empty_array",
                          "Invalid '" + path(key) +
                              "': empty array. Expected an array with minimum length 1, but got "
                              "an empty array instead.");
  }
  return texts;
}

std::string SpecReader::choice(const std::string& key, const std::vector<std::string>& choices) {
  const std::string word = text(key);
  if (std::find(choices.begin(), choices.end(), word) == choices.end()) {
    refuse_value(path(key), "Invalid value: '" + printable(word, 100) +
                                "'. Supported values are: " + quoted_list(choices) + ".");
  }
  return word;
}

Template SpecReader::text_template(const std::string& key) {
  return read_template(text(key), path(key));
}

void SpecReader::finish() const {
  for (const auto& [key, unused] : value_.items()) {
    if (read_.contains(key)) continue;
    const std::string param = path(printable(key, 100));
    throw GraderSpecError(param, "unknown_parameter", "Unknown parameter: '" + param + "'.");
  }
}

}  // namespace gradus::rewards::graders
