#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::policy {

/// Turns the spellings of tokens back into text. Const methods may run at once.
class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;

  /// @param tokens  spellings of a whole sequence; the results, joined, are its text.
  virtual std::vector<std::string> decode(std::vector<std::string> tokens) const = 0;

  /// The bytes that one token adds in the middle of a sequence; `whole` is set when a later part
  /// of a sequence must leave them alone (they are no longer spellings).
  virtual std::string middle(std::string token, bool* whole) const = 0;

  /// Equal for decoders that do the same.
  virtual std::string signature() const = 0;
};

/// Reads a "decoder" of tokenizer.json: ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace
/// and Sequence; null gives nullptr (tokens are then joined by blanks).
///
/// @param path  where the component stands in the file, for errors ("decoder").
/// @throws gradus::Error  another type, by name, or a malformed one.
std::unique_ptr<TokenDecoder> parse_token_decoder(const nlohmann::json& json,
                                                  const std::string& path);

}  // namespace gradus::policy
