#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::policy::jinja {

struct Position {
  int line = 1;
  int column = 1;
};

enum class TokenKind {
  kData,           ///< text between tags, white space already trimmed
  kBlockBegin,     ///< {%
  kBlockEnd,       ///< %}
  kVariableBegin,  ///< {{
  kVariableEnd,    ///< }}
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string text;  ///< decoded for strings
  Position at;
};

/// Cuts a template into tokens as Jinja2 does with trim_blocks and lstrip_blocks on: the first line
/// end after a block or comment goes, and so does white space between a line's start and a block;
/// `-` trims everything on its side, `+` turns the automatic trimming off. Comments are dropped,
/// {% raw %} becomes data, one line end at the template's end is dropped.
///
/// @throws gradus::Error  with line and column: an open tag, comment or string, or a character that
///         is no part of the language.
std::vector<Token> tokenize_template(std::string_view source);

/// An error that says where in the template.
[[noreturn]] void refuse_at(Position at, const std::string& what);

/// Python's str.isspace for one character.
bool is_python_space(char32_t c);

}  // namespace gradus::policy::jinja
