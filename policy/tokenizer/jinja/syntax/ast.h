#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/tokenizer/jinja/syntax/lexer.h"
#include "policy/tokenizer/jinja/value.h"

namespace gradus::policy::jinja {

/// An expression. What `args` are is said beside each kind; a null pointer is an absent part.
struct Expression {
  enum class Kind {
    kLiteral,      ///< literal
    kName,         ///< text
    kList,         ///< args: items
    kTuple,        ///< args: items
    kDict,         ///< args: key, value, key, value, ...
    kAttribute,    ///< args: object; text: name
    kItem,         ///< args: object, key
    kSlice,        ///< args: object, start, stop, step
    kCall,         ///< args: callee, arguments...; named
    kMethod,       ///< args: object, arguments...; text: name; named
    kFilter,       ///< args: value, arguments...; text: name; named
    kTest,         ///< args: value, arguments...; text: name
    kNot,          ///< args: value
    kNegative,     ///< args: value
    kPositive,     ///< args: value
    kBinary,       ///< args: left, right; text: operator
    kCompare,      ///< args: first, second, ...; operators
    kAnd,          ///< args: left, right
    kOr,           ///< args: left, right
    kConditional,  ///< args: value, condition, otherwise
  };
  using Pointer = std::unique_ptr<Expression>;

  Kind kind = Kind::kLiteral;
  Position at;
  std::string text;
  Value literal;
  std::vector<Pointer> args;
  std::vector<std::pair<std::string, Pointer>> named;
  Pointer unpacked_list;  ///< of a call: *values
  Pointer unpacked_dict;  ///< of a call: **values
  std::vector<std::string> operators;
  int depth = 1;  ///< longest path below; bounded by the parser
};

/// What an assignment writes to: a name, an attribute of a namespace, or several of them.
struct Target {
  std::string name;
  std::string attribute;  ///< of the namespace `name`; empty: the name itself
  std::vector<Target> parts;
  Position at;
};

struct Statement {
  enum class Kind {
    kData,         ///< text
    kOutput,       ///< value
    kFor,          ///< target, value (what is walked over), condition, body, otherwise
    kIf,           ///< branches, otherwise
    kSet,          ///< target, value
    kSetBlock,     ///< target, body, value (filters on "body", or null)
    kFilter,       ///< body, value (filters on "body")
    kMacro,        ///< text: name; parameters, body
    kWith,         ///< assignments, body
    kCall,         ///< value (a call), parameters and body of what it finds as caller()
    kGroup,        ///< body with names of its own: {% generation %}, which marks text for training
                   ///< and prints it; {% block %}
    kUnsupported,  ///< text: its name; fails when it is executed
    kBreak,
    kContinue,
  };
  using Pointer = std::unique_ptr<Statement>;
  using Body = std::vector<Pointer>;

  Kind kind = Kind::kData;
  Position at;
  std::string text;
  Target target;
  Expression::Pointer value;
  Expression::Pointer condition;
  Body body;
  Body otherwise;
  std::vector<std::pair<Expression::Pointer, Body>> branches;
  std::vector<std::pair<std::string, Expression::Pointer>> parameters;  ///< name, default or null
  std::vector<std::pair<Target, Expression::Pointer>> assignments;
  bool is_recursive = false;  ///< of a loop
  bool uses_varargs = false;  ///< of a macro: it takes more values than it has parameters
  bool uses_kwargs = false;
};

/// The name under which a filter finds the text of its block.
inline constexpr char kBlockText[] = "body of the block";

}  // namespace gradus::policy::jinja
