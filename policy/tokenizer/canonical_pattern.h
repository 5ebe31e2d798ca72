#pragma once

#include <string>
#include <string_view>

namespace gradus::policy {

/// A pre-tokenizer's pattern in one wording: control characters as escapes, members of a class in
/// order, English contractions and the other parts that tokenizers are published with in several
/// spellings in one of them. Two patterns that become equal find the same pieces; two that do not
/// may do so all the same.
std::string canonical_pattern(std::string_view pattern);

/// Whether the matches of a canonical pattern, which is known to split words, numbers, punctuation
/// and white space, leave nothing between them. False where that is not seen.
bool covers_all_text(std::string_view canonical);

}  // namespace gradus::policy
