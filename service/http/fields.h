#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "service/http/message.h"

namespace gradus::service {

/// Reads the fields of one object of a body, in the words of OpenAI's errors, and at the end
/// refuses those that nobody asked for. A null counts as absent. All calls @throw HttpError 400
/// with `param`.
class Fields {
 public:
  /// @param where  the object's place, "" for the body: "method.reinforcement".
  Fields(const nlohmann::json& object, std::string where);

  const nlohmann::json* find(const std::string& key);
  const nlohmann::json& need(const std::string& key);
  std::string text(const std::string& key, size_t max_length = 1 << 20);
  std::optional<std::string> optional_text(const std::string& key, size_t max_length = 1 << 20);
  std::optional<int64_t> integer(const std::string& key, int64_t low, int64_t high);
  std::optional<double> number(const std::string& key, double low, double high,
                               bool low_is_open = false);
  bool flag(const std::string& key, bool if_absent);
  std::optional<std::string> choice(const std::string& key,
                                    const std::vector<std::string>& choices);
  /// Fields that may be there and change nothing here.
  void pass_over(std::initializer_list<const char*> keys);
  void finish() const;

  std::string path(const std::string& key) const {
    return where_.empty() ? key : where_ + "." + key;
  }

 private:
  const nlohmann::json& object_;
  std::string where_;
  std::set<std::string> read_;
};

[[noreturn]] void refuse_field(const std::string& param, const std::string& why,
                               const std::string& code = "invalid_value");
/// "Invalid type for 'x': expected a string, but got an integer instead."
[[noreturn]] void refuse_field_type(const std::string& param, const char* expected,
                                    const nlohmann::json& got);

/// `metadata`: at most 16 texts with keys of 64 and values of 512 characters; null: absent.
nlohmann::json read_metadata(Fields& fields);

}  // namespace gradus::service
