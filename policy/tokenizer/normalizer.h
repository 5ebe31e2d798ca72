#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gradus::policy {

/// What tokenizer.json does to a text before cutting it. Const methods may run at once.
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  /// @param text  well-formed UTF-8, as is the result.
  virtual std::string normalize(std::string_view text) const = 0;

  /// Equal for normalizers that do the same.
  virtual std::string signature() const = 0;
};

/// Reads a "normalizer" of tokenizer.json: NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend,
/// Replace and Sequence; null gives nullptr.
///
/// @param path  where the component stands in the file, for errors ("normalizer").
/// @throws gradus::Error  another type, by name, or a malformed one.
std::unique_ptr<Normalizer> parse_normalizer(const nlohmann::json& json, const std::string& path);

}  // namespace gradus::policy
