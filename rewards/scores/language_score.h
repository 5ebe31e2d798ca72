#pragma once

#include <cstdint>
#include <string_view>

#include "rewards/scores/languages.h"

namespace gradus::rewards {

/// Words of a text that are of a language, of all its words.
struct LanguageShare {
  int64_t wanted = 0;
  int64_t words = 0;

  /// 0 for a text without words: silence is in no language.
  double value() const {
    return words == 0 ? 0.0 : static_cast<double>(wanted) / static_cast<double>(words);
  }
};

/// DeepSeek-R1's language consistency (arXiv:2501.12948, section 2.3.2): words in the target
/// language / words, over the chain of thought.
///
/// A word is a run of letters of one script; a Han or Kana character is a word, as is an isolated
/// run of Thai, Khmer, Lao or Myanmar, which put no blanks. Code in back quotes, LaTeX between
/// dollars, `\(`, `\[`, commands, tags, addresses and what has no letters is neither wanted nor
/// counted; so are single Latin letters (variables), but for a language that is written in Latin.
///
/// A word is of the language if it is in one of its scripts and the sentence around it is not
/// recognised as another language's (identify_language): French drifting into English loses,
/// although both are Latin.
LanguageShare language_share(std::string_view text, const Language& language);

/// The same with a script alone: Latin text of any language counts for Latin.
LanguageShare script_share(std::string_view text, Script script);

}  // namespace gradus::rewards
