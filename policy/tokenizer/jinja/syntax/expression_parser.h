#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/tokenizer/jinja/syntax/ast.h"
#include "policy/tokenizer/jinja/syntax/token_reader.h"

namespace gradus::policy::jinja {

/// Whether a word of the grammar that is no variable: and, or, not, if, else, in, is.
bool is_reserved(std::string_view name);

/// Reads expressions, Jinja2's grammar from the loosest binding to the tightest. What is nested too
/// deeply is refused with its place. Unknown filters, tests, methods and functions are noted: as in
/// Jinja2, they are faults of the template only where nothing decides whether they are reached.
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

  /// Something that is not known, noted while an expression was read.
  struct Unknown {
    Position at;
    std::string what;      ///< as an error says it
    std::string function;  ///< the name, where it was called as a function: it may be a macro's
    bool is_call = false;  ///< a method or function, which Python looks for when it is called
  };

 protected:
  size_t mark() const { return unknown_.size(); }
  /// What was noted since the mark may never be reached. @param calls_only  of methods, functions.
  void forgive(size_t mark, bool calls_only = false);
  const std::vector<Unknown>& unknown() const { return unknown_; }
  void note_unknown(Position at, std::string what) {
    unknown_.push_back({at, std::move(what), "", false});
  }

  /// Whether the macro that is being read uses its further values.
  bool uses_varargs_ = false;
  bool uses_kwargs_ = false;

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
  void check_names_in(const Expression& filter);
  Pointer test(Pointer value);

  int recursion_ = 0;
  std::vector<Unknown> unknown_;
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
