#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards {

/// Scripts that the languages of languages.h are written in. `none`: digits, punctuation, signs,
/// marks that belong to the letter before them, and scripts that are not listed.
enum class Script : uint8_t {
  none,
  latin,
  greek,
  cyrillic,
  armenian,
  hebrew,
  arabic,
  devanagari,
  bengali,
  gurmukhi,
  gujarati,
  oriya,
  tamil,
  telugu,
  kannada,
  malayalam,
  sinhala,
  thai,
  lao,
  tibetan,
  myanmar,
  georgian,
  ethiopic,
  khmer,
  hangul,
  hiragana,
  katakana,
  han,
};

/// The script of a letter. Source: blocks of Unicode 15; within a block of one script digits and
/// punctuation are told apart by general category.
Script script_of(uint32_t code_point);

/// "latin", "han", ...
const char* script_name(Script script);
std::optional<Script> script_named(std::string_view name);
std::vector<std::string> script_names();

}  // namespace gradus::rewards
