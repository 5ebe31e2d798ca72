#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace gradus::policy {

/// Typed, range-checked access to the fields of one JSON object of a config.json. A field that is
/// null counts as absent. Every failure is a FileError of kind bad_config that names the file, the
/// field, its value and what is accepted. Holds references: both arguments must outlive it.
class ConfigFields {
 public:
  /// @param prefix  before field names in messages, e.g. "rope_scaling.".
  ConfigFields(const nlohmann::json& object, const std::string& where, std::string prefix = "");

  bool has(std::string_view key) const { return value(key) != nullptr; }
  /// Present, if only as null.
  bool is_stated(std::string_view key) const;
  /// Null when absent.
  const nlohmann::json* value(std::string_view key) const;

  /// A whole number in [low, high]; 2048.0 counts as one, "2048" does not.
  int64_t whole(std::string_view key, int64_t low, int64_t high) const;
  int64_t whole_or(std::string_view key, int64_t fallback, int64_t low, int64_t high) const;

  /// A finite number in [low, high].
  double real(std::string_view key, double low, double high) const;
  double real_or(std::string_view key, double fallback, double low, double high) const;
  std::optional<double> real_if(std::string_view key, double low, double high) const;

  bool flag_or(std::string_view key, bool fallback) const;
  std::string text_or(std::string_view key, std::string_view fallback) const;

  /// An object field.
  ConfigFields object(std::string_view key) const;

  [[noreturn]] void fail(std::string_view key, const std::string& what) const;
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& required(std::string_view key) const;

  const nlohmann::json& object_;
  const std::string& where_;
  std::string prefix_;
};

/// Bounds on sizes, far above any model, so that products of two of them fit into 64 bits.
inline constexpr int64_t kMaxWidth = int64_t{1} << 24;
inline constexpr int64_t kMaxLayers = int64_t{1} << 14;
inline constexpr int64_t kMaxHeads = int64_t{1} << 14;
inline constexpr int64_t kMaxPositions = std::numeric_limits<int32_t>::max();

}  // namespace gradus::policy
