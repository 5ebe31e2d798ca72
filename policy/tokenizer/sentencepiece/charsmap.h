#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::policy {

/// Checks a SentencePiece `precompiled_charsmap`: u32 size of a double-array trie, the trie's u32
/// units, then NUL-terminated replacement strings that its leaves point at.
///
/// The library follows the trie without a bound. Here every unit that any text can reach is shown
/// to lie inside the array, every leaf to point at a whole string of well-formed UTF-8, and no
/// chain of matches to be longer than the 32 that the library has room for.
///
/// @param charsmap  empty is allowed and means no rules.
/// @param name      of the field, for errors.
/// @throws gradus::Error  it is broken.
void check_charsmap(std::string_view charsmap, const std::string& name);

/// The trie of a charsmap, for one question.
class CharsmapTrie {
 public:
  /// @param charsmap  one that check_charsmap has let pass.
  explicit CharsmapTrie(std::string_view charsmap);

  /// Whether a rule's text begins with these bytes.
  bool begins_rule(std::string_view bytes) const;

 private:
  std::vector<uint32_t> units_;  ///< empty: no rules
};

}  // namespace gradus::policy
