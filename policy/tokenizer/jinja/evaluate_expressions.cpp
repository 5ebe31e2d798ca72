#include <algorithm>

#include "base/error.h"
#include "policy/tokenizer/jinja/evaluation.h"
#include "policy/tokenizer/jinja/operators.h"

namespace gradus::policy::jinja {
namespace {

using Kind = Expression::Kind;

constexpr const char* kCaller = "caller";

[[noreturn]] void refuse_call(const Value& callee) {
  if (const Undefined* undefined = callee.as<Undefined>()) {
    throw Error("\"" + undefined->name + "\" is undefined and cannot be called");
  }
  throw Error(std::string("a ") + callee.type_name() + " cannot be called");
}

const Value* named_argument(const Arguments& args, const std::string& name) {
  for (const auto& [key, value] : args.named) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace

Value Evaluation::evaluate(const Expression& e) {
  return placed(e.at, [&] {
    const Depth guard(*this);
    meter_.step();
    return value_of(e);
  });
}

Value Evaluation::value_of(const Expression& e) {
  switch (e.kind) {
    case Kind::kLiteral:
      return e.literal;
    case Kind::kName:
      return lookup(e.text);
    case Kind::kList:
    case Kind::kTuple:
      return Value::list(evaluate_all(e, 0), e.kind == Kind::kTuple);
    case Kind::kDict:
      return dict(e);
    case Kind::kAttribute:
      return attribute_of(evaluate(*e.args[0]), e.text, context_);
    case Kind::kItem: {
      const Value object = evaluate(*e.args[0]);
      const Value key = evaluate(*e.args[1]);
      return item_of(object, key, context_);
    }
    case Kind::kSlice:
      return slice(e);
    case Kind::kCall:
      return call(e, nullptr);
    case Kind::kMethod: {
      const Value object = evaluate(*e.args[0]);
      return paid(call_method(object, e.text, arguments(e), context_));
    }
    case Kind::kFilter: {
      const Value value = evaluate(*e.args[0]);
      return paid(apply_filter(e.text, value, arguments(e), context_));
    }
    case Kind::kTest: {
      const Value value = evaluate(*e.args[0]);
      return Value::boolean(apply_test(e.text, value, arguments(e), context_));
    }
    case Kind::kConditional:
      if (evaluate(*e.args[1]).truth()) return evaluate(*e.args[0]);
      return e.args[2] ? evaluate(*e.args[2]) : Value::undefined("a value without else");
    default:
      return operation(e);
  }
}

Value Evaluation::operation(const Expression& e) {
  switch (e.kind) {
    case Kind::kNot:
      return Value::boolean(!evaluate(*e.args[0]).truth());
    case Kind::kNegative:
    case Kind::kPositive:
      return signed_number(evaluate(*e.args[0]), e.kind == Kind::kNegative);
    case Kind::kBinary: {
      const Value left = evaluate(*e.args[0]);
      const Value right = evaluate(*e.args[1]);
      return apply_operator(e.text, left, right, context_);
    }
    case Kind::kCompare:
      return comparison(e);
    default: {
      Value left = evaluate(*e.args[0]);
      return left.truth() == (e.kind == Kind::kAnd) ? evaluate(*e.args[1]) : left;
    }
  }
}

Value Evaluation::paid(Value value) {
  if (const std::string* text = value.string()) meter_.charge(text->size());
  if (const List* list = value.items()) meter_.charge(list->values.size() * sizeof(Value));
  return value;
}

std::vector<Value> Evaluation::evaluate_all(const Expression& e, size_t from) {
  std::vector<Value> out;
  meter_.charge((e.args.size() - from) * sizeof(Value));
  for (size_t i = from; i < e.args.size(); ++i) out.push_back(evaluate(*e.args[i]));
  return out;
}

Arguments Evaluation::arguments(const Expression& e) {
  Arguments args;
  args.positional = evaluate_all(e, 1);
  for (const auto& [name, value] : e.named) args.named.emplace_back(name, evaluate(*value));
  if (e.unpacked_list) {
    for (Value& item : iterate(evaluate(*e.unpacked_list), context_)) {
      args.positional.push_back(std::move(item));
    }
  }
  if (!e.unpacked_dict) return args;
  const Value more = evaluate(*e.unpacked_dict);
  if (more.entries() == nullptr) {
    throw Error(std::string("** needs a dict, not a ") + more.type_name());
  }
  for (const auto& [name, value] : more.entries()->values) {
    meter_.charge(name.size() + sizeof(Value));
    if (named_argument(args, name) != nullptr) {
      throw Error("the argument \"" + name + "\" is given twice");
    }
    args.named.emplace_back(name, value);
  }
  return args;
}

Value Evaluation::dict(const Expression& e) {
  std::vector<std::pair<std::string, Value>> items;
  meter_.charge(e.args.size() * sizeof(Value));
  for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
    const Value key = evaluate(*e.args[i]);
    if (key.string() == nullptr) throw Error("a dict's key must be a string");
    meter_.charge(key.string()->size());
    items.emplace_back(*key.string(), evaluate(*e.args[i + 1]));
  }
  return Value::dict(std::move(items));
}

Value Evaluation::slice(const Expression& e) {
  const Value object = evaluate(*e.args[0]);
  Value bounds[3];
  const Value* given[3] = {};
  for (size_t i = 0; i < 3; ++i) {
    if (!e.args[i + 1]) continue;
    bounds[i] = evaluate(*e.args[i + 1]);
    given[i] = &bounds[i];
  }
  return slice_of(object, given[0], given[1], given[2], context_);
}

Value Evaluation::comparison(const Expression& e) {
  Value left = evaluate(*e.args[0]);
  for (size_t i = 0; i < e.operators.size(); ++i) {
    Value right = evaluate(*e.args[i + 1]);
    if (!apply_comparison(e.operators[i], left, right, context_)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Evaluation::call(const Expression& e, std::shared_ptr<const Macro> caller) {
  const Value callee = evaluate(*e.args[0]);
  Arguments args = arguments(e);
  if (caller) args.named.emplace_back(kCaller, Value(Value::Data(std::move(caller))));
  if (const Function* function = callee.as<Function>()) {
    return paid(call_function(function->name, args, context_));
  }
  if (const auto* macro = callee.as<std::shared_ptr<const Macro>>()) {
    return call_macro(**macro, args);
  }
  if (const auto* loop = callee.as<std::shared_ptr<const Loop>>()) return call_loop(**loop, args);
  refuse_call(callee);
}

void Evaluation::bind(const Statement& macro, const Arguments& args) {
  const auto& parameters = macro.parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, otherwise] = parameters[i];
    const Value* given = args.find(i, name);
    if (i < args.positional.size() && named_argument(args, name) != nullptr) {
      throw Error("the argument \"" + name + "\" is given twice");
    }
    assign(name, given != nullptr ? *given
                 : otherwise      ? evaluate(*otherwise)
                                  : Value::undefined(name));
  }
  std::vector<Value> more;
  for (size_t i = parameters.size(); i < args.positional.size(); ++i) {
    more.push_back(args.positional[i]);
  }
  if (!more.empty() && !macro.uses_varargs) {
    throw Error("macro \"" + macro.text + "\" takes " + std::to_string(parameters.size()) +
                " values, was given " + std::to_string(args.positional.size()));
  }
  std::vector<std::pair<std::string, Value>> others;
  for (const auto& [name, value] : args.named) {
    const bool is_parameter = std::any_of(parameters.begin(), parameters.end(),
                                          [&](const auto& p) { return p.first == name; });
    if (is_parameter) continue;
    if (name == kCaller && value.as<std::shared_ptr<const Macro>>()) {
      assign(kCaller, value);
    } else if (macro.uses_kwargs) {
      others.emplace_back(name, value);
    } else {
      throw Error("macro \"" + macro.text + "\" has no parameter \"" + name + "\"");
    }
  }
  if (macro.uses_varargs) assign("varargs", Value::list(std::move(more), /*is_tuple=*/true));
  if (macro.uses_kwargs) assign("kwargs", Value::dict(std::move(others)));
}

// A macro sees the names around its definition, not its caller's.
Value Evaluation::call_macro(const Macro& macro, const Arguments& args) {
  if (++macro_depth_ > meter_.budget().macro_depth) {
    throw Error("macros call one another too deeply");
  }
  Scopes callers = std::move(scopes_);
  scopes_.clear();
  for (const auto& around : macro.around) {
    if (auto scope = around.lock()) scopes_.push_back(std::move(scope));
  }
  scopes_.push_back(std::make_shared<Scope>());
  bind(*macro.statement, args);
  std::string outer;
  outer.swap(out_);
  execute(macro.statement->body);
  outer.swap(out_);
  scopes_ = std::move(callers);
  --macro_depth_;
  return Value::text(std::move(outer));
}

Value Evaluation::call_loop(const Loop& loop, const Arguments& args) {
  if (loop.recursive == nullptr) {
    throw Error("only a loop that is declared recursive can be called");
  }
  const Value* items = args.find(0, "iterable");
  if (items == nullptr) throw Error("loop() needs what it shall walk over");
  if (++macro_depth_ > meter_.budget().macro_depth) throw Error("loops are nested too deeply");
  std::string outer;
  outer.swap(out_);
  this->loop(*loop.recursive, iterate(*items, context_), loop.depth + 1);
  outer.swap(out_);
  --macro_depth_;
  return Value::text(std::move(outer));
}

}  // namespace gradus::policy::jinja
