#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/values/rational.h"

namespace gradus::rewards::math {

enum class TokenKind : uint8_t {
  number,   // text: as written; value
  letter,   // one letter or Greek name: a symbol
  word,     // a known word without a backslash: pi, sqrt, infinity, ...
  command,  // \name, text without the backslash
  text,     // the inside of \text{...}, trimmed
  symbol,   // an operator or bracket: one of + - * / ^ _ ( ) [ ] { } | , ; : = < > ! ' & % ~
            // and, as text: "\\{" "\\}" "\\\\" "<=" ">=" "!=" "**" "..."
  end,
};

struct Token {
  std::string_view text;  // of the list's source, or of its `made`
  Rational value;
  uint32_t at = 0;  // byte in the text
  TokenKind kind = TokenKind::end;
  char sign = 0;  // a symbol of one character
  bool is_decimal = false;
  bool space_before = false;
  bool is_bold = false;  // a letter in \mathbf{...}: a vector or a matrix
};

/// Tokens and the text they refer to; it stays where it is.
struct TokenList {
  explicit TokenList(std::string text) : source(std::move(text)) {}
  TokenList(const TokenList&) = delete;
  TokenList& operator=(const TokenList&) = delete;

  std::string source;
  std::deque<std::string> made;  // texts of tokens that do not stand in the source as they are
  std::vector<Token> tokens;     // with an `end`, unless a limit was met
};

/// How separators in numbers are read.
struct NumberStyle {
  bool comma_is_decimal = false;  // 1,5 is one and a half
  bool commas_group = true;       // 12,144 is one number
};

/// Splits LaTeX or plain mathematics into tokens. Spacing and sizing commands vanish; thousands
/// separators are part of a number outside brackets; Unicode has been spelled out by
/// `normalized_math`. Linear time.
///
/// @return  false, with the reason, past a limit: too many tokens, a number of too many digits.
bool tokenize(TokenList& list, const NumberStyle& style, std::string& reason);

/// Limits of one text. Counted, hence the same on any machine.
inline constexpr size_t kMaxTokens = 200'000;
inline constexpr size_t kMaxDigits = 20'000;  // of one number

}  // namespace gradus::rewards::math
