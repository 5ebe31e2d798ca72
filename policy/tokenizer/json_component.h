#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "policy/tokenizer/regex.h"

namespace gradus::policy {

/// Reads the fields of one component of tokenizer.json; errors name the place in the file.
class JsonComponent {
 public:
  /// @throws gradus::Error  not an object with a "type", or nested past any sensible depth.
  JsonComponent(const nlohmann::json& json, std::string path);

  const std::string& type() const { return type_; }
  const std::string& path() const { return path_; }

  bool flag(const char* key, bool otherwise) const;
  int64_t integer(const char* key, int64_t otherwise) const;
  std::string text(const char* key) const;
  std::string text(const char* key, const std::string& otherwise) const;
  const nlohmann::json& list(const char* key) const;
  bool has(const char* key) const;

  /// {"Regex": "..."} or {"String": "..."}; `is_regex` tells which.
  std::string pattern(const char* key, bool* is_regex) const;
  Regex regex(const char* key) const;

  [[noreturn]] void refuse(const std::string& what) const;
  [[noreturn]] void refuse_type(const char* known) const;

 private:
  const nlohmann::json& json_;
  std::string path_;
  std::string type_;
};

}  // namespace gradus::policy
