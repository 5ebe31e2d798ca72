#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gradus {

struct JsonLimits {
  int max_depth = 64;  // arrays and objects inside each other
  int64_t max_bytes = int64_t{1} << 30;
};

/// Strict JSON (RFC 8259) from outside: one value; duplicate keys, NaN, Infinity, numbers past the
/// range of a double, bytes that are not UTF-8, lone surrogates, depth and size past the limits
/// are refused.
///
/// @param where  names the source in errors, e.g. "train.jsonl:17"; it begins the message.
/// @throws FileError  path `where`, kind "invalid_json"; the message names line and column.
nlohmann::json parse_json(std::string_view text, const std::string& where,
                          const JsonLimits& limits = {});

/// The same of a whole file.
/// @throws FileError  as above, and where it cannot be read or is larger than `max_bytes`.
nlohmann::json read_json(const std::filesystem::path& path, int64_t max_bytes = int64_t{16} << 20);

/// Compact JSON on one line, the same in every locale; bytes that are not UTF-8 become U+FFFD and
/// numbers that are not finite null, so that this never throws.
std::string dump_json(const nlohmann::json& value);

}  // namespace gradus
