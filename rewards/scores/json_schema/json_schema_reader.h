#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "rewards/scores/json_schema/json_schema.h"

namespace gradus::rewards {

/// The schema that a `$ref` points at, or null. `#` is all of it.
const nlohmann::json* find_reference(const nlohmann::json& root, const std::string& reference);

/// Looks at every keyword of a schema once, when it is made.
class SchemaReader {
 public:
  explicit SchemaReader(JsonSchema& schema) : schema_(schema) {}

  /// @throws ArgumentError  as JsonSchema.
  void read();

 private:
  void read_schema(const nlohmann::json& schema, const std::string& path, int depth);
  void read_keyword(const std::string& keyword, const nlohmann::json& value,
                    const std::string& path, int depth);
  void read_list(const nlohmann::json& value, const std::string& path, int depth);
  void read_map(const nlohmann::json& value, const std::string& path, int depth,
                bool names_are_patterns);
  void check_text(const std::string& keyword, const std::string& text, const std::string& path);
  void compile(const std::string& pattern, const std::string& path);

  JsonSchema& schema_;
};

}  // namespace gradus::rewards
