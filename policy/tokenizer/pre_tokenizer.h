#pragma once

#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::policy {

/// The pieces of one stretch of text. Views point into the text or into `buffers`.
struct Pieces {
  std::vector<std::string_view> list;
  std::deque<std::string> buffers;  ///< rewritten text; a deque, so that views stay valid
  bool begins_text = false;         ///< the first piece begins where the whole text begins
};

/// Cuts text into the pieces that the model tokenises one by one. Const methods may run at once.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  /// Cuts each piece further, or rewrites it; pieces are well-formed UTF-8, none is empty.
  virtual void apply(Pieces& pieces) const = 0;

  /// Equal for pre-tokenizers that do the same.
  virtual std::string signature() const = 0;
};

/// Reads a "pre_tokenizer" of tokenizer.json: ByteLevel, Digits, Split, Metaspace, Whitespace,
/// WhitespaceSplit, Punctuation, BertPreTokenizer, CharDelimiterSplit and Sequence; null gives
/// nullptr.
///
/// @param path  where the component stands in the file, for errors ("pre_tokenizer").
/// @throws gradus::Error  another type, by name, or a malformed one.
std::unique_ptr<PreTokenizer> parse_pre_tokenizer(const nlohmann::json& json,
                                                  const std::string& path);

}  // namespace gradus::policy
