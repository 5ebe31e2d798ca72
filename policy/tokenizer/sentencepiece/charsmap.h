#pragma once

#include <string>
#include <string_view>

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

}  // namespace gradus::policy
