#include "policy/tokenizer/jinja/syntax/token_reader.h"

#include <algorithm>

namespace gradus::policy::jinja {

const Token& TokenReader::peek(size_t ahead) const {
  return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
}

const Token& TokenReader::take() {
  const Token& token = peek();
  if (next_ + 1 < tokens_.size()) ++next_;
  return token;
}

bool TokenReader::is_op(std::string_view op, size_t ahead) const {
  return peek(ahead).kind == TokenKind::kOperator && peek(ahead).text == op;
}

bool TokenReader::is_name(std::string_view name, size_t ahead) const {
  return peek(ahead).kind == TokenKind::kName && peek(ahead).text == name;
}

bool TokenReader::is_tag_end() const {
  return peek().kind == TokenKind::kBlockEnd || peek().kind == TokenKind::kVariableEnd;
}

bool TokenReader::skip_op(std::string_view op) {
  if (!is_op(op)) return false;
  take();
  return true;
}

bool TokenReader::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  take();
  return true;
}

void TokenReader::refuse(const std::string& what) const {
  refuse_at(peek().at, what);
}

std::string TokenReader::found() const {
  switch (peek().kind) {
    case TokenKind::kBlockEnd:
      return "%}";
    case TokenKind::kVariableEnd:
      return "}}";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return "'" + peek().text + "'";
  }
}

void TokenReader::expect_op(const std::string& op) {
  if (!skip_op(op)) refuse("expected '" + op + "', found " + found());
}

std::string TokenReader::expect_name() {
  if (peek().kind != TokenKind::kName) refuse("expected a name, found " + found());
  return take().text;
}

void TokenReader::expect_block_end() {
  if (peek().kind != TokenKind::kBlockEnd) refuse("expected %}, found " + found());
  take();
}

}  // namespace gradus::policy::jinja
