#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/tokenizer/jinja/builtins.h"
#include "policy/tokenizer/jinja/scope.h"
#include "policy/tokenizer/jinja/syntax/ast.h"

namespace gradus::policy::jinja {

/// How a statement ended: {% break %} and {% continue %} leave the blocks around them.
enum class Flow { kNext, kBreak, kContinue };

/// One rendering under way. Statements are in evaluate_statements.cpp, expressions and calls in
/// evaluate_expressions.cpp.
class Evaluation {
 public:
  using Names = std::vector<std::pair<std::string, Value>>;

  Evaluation(Names variables, std::chrono::system_clock::time_point now, const Budget& budget);

  std::string run(const Statement::Body& body);

 private:
  class Depth;

  void write(std::string_view text);
  template <class Fn>
  auto placed(Position at, Fn&& fn);

  Value lookup(const std::string& name);
  void assign(const std::string& name, Value value);
  void assign(const Target& target, const Value& value);
  void unpack(const Target& target, const Value& value);

  Flow execute(const Statement::Body& body);
  Flow execute(const Statement& s);
  Flow execute_inside(const Statement& s);
  void with_block(const Statement& s);
  Value captured(const Statement& s);
  Flow loop(const Statement& s, std::vector<Value> items, int depth);
  std::vector<Value> kept(const Statement& s, std::vector<Value> items);
  std::shared_ptr<const Macro> macro_of(const Statement& s) const;

  Value evaluate(const Expression& e);
  Value value_of(const Expression& e);
  Value paid(Value value);
  Value operation(const Expression& e);
  std::vector<Value> evaluate_all(const Expression& e, size_t from);
  Arguments arguments(const Expression& e);
  Value dict(const Expression& e);
  Value slice(const Expression& e);
  Value comparison(const Expression& e);
  /// @param caller  the body of a {% call %}, or null.
  Value call(const Expression& e, std::shared_ptr<const Macro> caller);
  Value call_macro(const Macro& macro, const Arguments& args);
  void bind(const Statement& macro, const Arguments& args);
  Value call_loop(const Loop& loop, const Arguments& args);

  Meter meter_;
  Context context_;
  Scopes scopes_;
  std::string out_;
  int macro_depth_ = 0;
  int depth_ = 0;
};

/// Statements and expressions inside one another, through macros too: bounds the stack.
class Evaluation::Depth {
 public:
  explicit Depth(Evaluation& evaluation);
  ~Depth() { --evaluation_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  Evaluation& evaluation_;
};

/// An error that has its place already, so that outer nodes do not add theirs.
class PlacedError : public Error {
 public:
  using Error::Error;
};

/// @throws PlacedError  what `error` says, at a place, with control characters escaped.
[[noreturn]] void throw_placed(Position at, const Error& error);

template <class Fn>
auto Evaluation::placed(Position at, Fn&& fn) {
  try {
    return fn();
  } catch (const PlacedError&) {
    throw;
  } catch (const Error& error) {
    throw_placed(at, error);
  }
}

}  // namespace gradus::policy::jinja
