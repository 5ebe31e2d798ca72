#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "rewards/graders/template.h"

namespace gradus::rewards::graders {

/// A grader's JSON breaks its schema, in the words of OpenAI's errors: what() is the `message`,
/// param the field in dotted form, code one of missing_required_parameter, unknown_parameter,
/// invalid_type, invalid_value, string_above_max_length, array_below_min_length.
class GraderSpecError : public ConfigError {
 public:
  GraderSpecError(std::string param, std::string code, const std::string& message)
      : ConfigError(message), param_(std::move(param)), code_(std::move(code)) {}
  const std::string& param() const { return param_; }
  const std::string& code() const { return code_; }

 private:
  std::string param_;
  std::string code_;
};

/// Reads the fields of one JSON object and, at the end, refuses those nobody asked for.
class SpecReader {
 public:
  /// @param where  the object's place: "grader", "method.reinforcement.grader".
  /// @throws GraderSpecError  `value` is no object.
  SpecReader(const nlohmann::json& value, std::string where);

  std::string text(const std::string& key);
  std::optional<std::string> optional_text(const std::string& key);
  std::optional<double> optional_number(const std::string& key, double low, double high);
  std::optional<int64_t> optional_integer(const std::string& key, int64_t low, int64_t high);
  std::vector<std::string> texts(const std::string& key);  // at least one
  std::string choice(const std::string& key, const std::vector<std::string>& choices);
  Template text_template(const std::string& key);

  /// The value of a key that must be there; null where it may be absent and is.
  const nlohmann::json& value(const std::string& key);
  const nlohmann::json* optional_value(const std::string& key);

  /// @throws GraderSpecError  the object has a key that was not read.
  void finish() const;

  std::string path(const std::string& key) const { return where_ + "." + key; }
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& value_;
  std::string where_;
  std::set<std::string> read_;
};

[[noreturn]] void refuse_type(const std::string& param, const char* expected,
                              const nlohmann::json& got);
[[noreturn]] void refuse_value(const std::string& param, const std::string& message);

/// "'a', 'b', and 'c'".
std::string quoted_list(const std::vector<std::string>& words);

/// A template, its error in OpenAI's form.
Template read_template(const std::string& text, const std::string& param);

}  // namespace gradus::rewards::graders
