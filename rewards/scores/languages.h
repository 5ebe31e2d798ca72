#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/scores/scripts.h"

namespace gradus::rewards {

/// A language by its ISO 639-1 code, with the scripts it is written in (ja: three).
struct Language {
  const char* code;
  std::vector<Script> scripts;
  const char* words;    // frequent function words, lower case, between blanks; of shared scripts
  const char* letters;  // letters that few others have

  bool uses(Script script) const;
};

const std::vector<Language>& languages();

/// @return  null: not in the list. `zh-cn` and `pt_BR` name zh and pt.
const Language* find_language(std::string_view code);
std::vector<std::string> language_codes();

/// The language of a text: by its script where one language of the list alone uses it, else by
/// function words and letters, each counted as 1 / (languages that share it). nullopt where the
/// evidence is thin: fewer than `min_evidence`, or less than 1.5 times that of the next language.
/// Text of one line or a few sentences is needed among languages that share a script.
/// It is not langdetect: no statistics of letter triples, the same answer every time.
std::optional<std::string_view> identify_language(std::string_view text, double min_evidence = 1.5);

}  // namespace gradus::rewards
