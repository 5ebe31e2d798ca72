#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/tokenizer/jinja/ast.h"
#include "policy/tokenizer/jinja/token_reader.h"

namespace gradus::policy::jinja {

/// Whether a word of the grammar that is no variable: and, or, not, if, else, in, is.
bool is_reserved(std::string_view name);

/// Reads expressions, Jinja2's grammar from the loosest binding to the tightest. Unknown filters,
/// tests and methods, and what is nested too deeply, are refused with their place.
class ExpressionParser : public TokenReader {
 public:
  using Pointer = Expression::Pointer;
  using TokenReader::TokenReader;

  Pointer expression();
  /// "a, b" makes a tuple. Without conditions, "a if b" ends before the if.
  Pointer tuple_or_expression(bool with_condition);

  /// The text of the block around, for its filters.
  Pointer block_text();
  /// What follows as "| filter | filter" (or nothing), applied to a value.
  Pointer filters(Pointer value);
  /// One filter, whose name is next.
  Pointer one_filter(Pointer value);

  /// Names that were called as functions so far.
  const std::vector<std::pair<std::string, Position>>& called() const { return called_; }

 private:
  class Recursion;

  template <class... Args>
  Pointer node(Expression::Kind kind, Position at, std::string text, Args... args);
  void add(Expression& parent, Pointer child);
  Pointer literal(Position at, Value value);

  Pointer either();
  Pointer both();
  Pointer negation();
  Pointer comparison();
  Pointer binary(std::initializer_list<std::string_view> ops,
                 Pointer (ExpressionParser::*operand)());
  Pointer sum();
  Pointer concatenation();
  Pointer product();
  Pointer power();
  Pointer filtered_unary();
  Pointer unary(bool with_filter);

  Pointer primary();
  Pointer name();
  Pointer parenthesis();
  Pointer list();
  Pointer dict();

  Pointer postfix(Pointer value);
  Pointer attribute(Pointer object, Position at);
  Pointer subscript(Pointer object);
  void arguments(Expression& call);

  Pointer filters_and_tests(Pointer value);
  void check_names_in(const Expression& filter) const;
  Pointer test(Pointer value);

  int recursion_ = 0;
  std::vector<std::pair<std::string, Position>> called_;
};

template <class... Args>
Expression::Pointer ExpressionParser::node(Expression::Kind kind, Position at, std::string text,
                                           Args... args) {
  auto e = std::make_unique<Expression>();
  e->kind = kind;
  e->at = at;
  e->text = std::move(text);
  (add(*e, std::move(args)), ...);
  return e;
}

}  // namespace gradus::policy::jinja
