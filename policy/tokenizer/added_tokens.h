#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gradus::policy {

/// A token that is looked for in the text before the model sees it.
struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool single_word = false;  ///< only where no word character touches it
  bool lstrip = false;       ///< takes the white space on its left
  bool rstrip = false;       ///< takes the white space on its right
  bool normalized = true;    ///< looked for in the normalised text, else in the raw one
  bool special = false;      ///< a control token, hidden by skip_special
};

/// A stretch of text, or one added token in it.
struct TextSpan {
  std::string_view text;
  int32_t id = -1;  ///< >= 0: this added token stood here
};

/// Finds added tokens in text: at the leftmost place where one begins, the longest.
class AddedTokenMatcher {
 public:
  /// Looks for `needle` (the token's content, normalised where it must be) and reports `token`.
  /// Empty needles are never found. @throws gradus::Error  a needle longer than 4 KiB.
  void add(std::string needle, const AddedToken& token);

  /// The text cut at its added tokens; empty stretches are left out.
  /// @param skip_specials  tokens that are special stay text.
  std::vector<TextSpan> split(std::string_view text, bool skip_specials) const;

  bool empty() const { return tokens_.empty(); }

 private:
  int32_t longest_at(std::string_view text, size_t at, size_t* length) const;

  std::vector<AddedToken> tokens_;
  // A trie: node 0 is the root, edges are keyed by (node << 8 | byte), ends_[node] is a token.
  std::unordered_map<uint64_t, int32_t> edges_;
  std::vector<int32_t> ends_{-1};
  bool begins_[256] = {};
};

}  // namespace gradus::policy
