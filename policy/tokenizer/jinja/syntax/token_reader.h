#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "policy/tokenizer/jinja/syntax/lexer.h"

namespace gradus::policy::jinja {

/// Walks over a template's tokens. Past the last one, which is kEnd, it stands still.
class TokenReader {
 public:
  /// @param tokens  of tokenize_template, thus at least kEnd.
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const;
  const Token& take();

  bool is_op(std::string_view op, size_t ahead = 0) const;
  bool is_name(std::string_view name, size_t ahead = 0) const;
  /// Whether the next token ends a {{ }} or {% %}.
  bool is_tag_end() const;

  /// Takes the next token if it is this one.
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);

  /// Takes the next token, which must be this one. @throws gradus::Error  it is not.
  void expect_op(const std::string& op);
  std::string expect_name();
  void expect_block_end();

  /// The next token as errors name it.
  std::string found() const;
  /// @throws gradus::Error  `what`, with the next token's place.
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  std::vector<Token> tokens_;
  size_t next_ = 0;
};

}  // namespace gradus::policy::jinja
