#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gradus {

/// A parsed TOML file: its values as JSON, and the line of each key.
struct TomlDocument {
  std::string source;                // names the file in errors
  nlohmann::json values;             // an object
  std::map<std::string, int> lines;  // "rl.group_size", "rewards[0].type" -> line from 1

  /// "source:line" of a key, or of the nearest table around it; "source" alone when unknown.
  std::string where(const std::string& key) const;
};

/// @throws ConfigError  "source:line: what": not TOML, a duplicate key, a date (no setting is one).
TomlDocument parse_toml(std::string_view text, const std::string& source);

/// One value in TOML's syntax on one line: `3`, `0.1`, `"text"`, `[1, 2]`, `{a = 1}`. Doubles read
/// back to the same bits and keep a fraction or exponent, so that their type survives; integers
/// past TOML's signed 64 bits are written as text. Null members of tables are left out.
std::string toml_value(const nlohmann::json& value);

/// A key, quoted where TOML asks for it.
std::string toml_key(std::string_view key);

}  // namespace gradus
