#include "policy/tokenizer/jinja/evaluator.h"

#include <memory>

#include "base/error.h"
#include "policy/tokenizer/jinja/builtins.h"
#include "policy/tokenizer/jinja/operators.h"

namespace gradus::policy::jinja {
namespace {

using Kind = Expression::Kind;
using Scope = std::vector<std::pair<std::string, Value>>;

enum class Flow { kNext, kBreak, kContinue };

// An error that has its place already, so that outer nodes do not add theirs.
class PlacedError : public Error {
 public:
  using Error::Error;
};

class Evaluator {
 public:
  Evaluator(Scope variables, std::chrono::system_clock::time_point now, const Budget& budget)
      : budget_(budget) {
    scopes_.push_back(std::move(variables));
    context_.now = now;
    context_.charge = [this](size_t amount) { charge(amount); };
  }

  std::string run(const Statement::Body& body) {
    execute(body);
    return std::move(out_);
  }

 private:
  // Budgets.
  void step() {
    if (++steps_ > budget_.steps) throw Error("the template does not come to an end (step budget)");
  }
  void charge(size_t amount) {
    if (amount > static_cast<size_t>(budget_.working_bytes - working_)) {
      throw Error("the template's memory budget is spent");
    }
    steps_ += static_cast<int64_t>(amount / 16);
    working_ += static_cast<int64_t>(amount);
    step();
  }
  void write(std::string_view text) {
    charge(text.size());
    if (static_cast<int64_t>(out_.size() + text.size()) > budget_.output_bytes) {
      throw Error("the template writes more than its output budget");
    }
    out_ += text;
  }

  template <class Fn>
  auto placed(Position at, Fn&& fn) {
    try {
      return fn();
    } catch (const PlacedError&) {
      throw;
    } catch (const Error& error) {
      throw PlacedError("chat template, line " + std::to_string(at.line) + ", column " +
                        std::to_string(at.column) + ": " + error.what());
    }
  }

  // Variables.
  Value lookup(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      for (auto entry = scope->rbegin(); entry != scope->rend(); ++entry) {
        if (entry->first == name) return entry->second;
      }
    }
    if (is_function(name)) return Value(Value::Data(Function{name}));
    return Value::undefined(name);
  }
  void assign(const std::string& name, Value value) {
    for (auto& [known, old] : scopes_.back()) {
      if (known != name) continue;
      old = std::move(value);
      return;
    }
    scopes_.back().emplace_back(name, std::move(value));
  }
  void assign(const Target& target, const Value& value) {
    if (!target.parts.empty()) return unpack(target, value);
    if (target.attribute.empty()) return assign(target.name, value);
    const Value object = lookup(target.name);
    const auto* space = object.as<std::shared_ptr<Namespace>>();
    if (space == nullptr) {
      throw Error("\"" + target.name + "\" is no namespace, its \"" + target.attribute +
                  "\" cannot be set");
    }
    (*space)->set(target.attribute, value);
  }
  void unpack(const Target& target, const Value& value) {
    const std::vector<Value> items = iterate(value);
    if (items.size() != target.parts.size()) {
      throw Error(std::to_string(items.size()) + " values for " +
                  std::to_string(target.parts.size()) + " names");
    }
    for (size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i]);
  }

  // Statements.
  Flow execute(const Statement::Body& body) {
    for (const auto& statement : body) {
      const Flow flow = placed(statement->at, [&] { return execute(*statement); });
      if (flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
  }

  Flow execute(const Statement& s) {
    step();
    switch (s.kind) {
      case Statement::Kind::kData:
        write(s.text);
        return Flow::kNext;
      case Statement::Kind::kOutput: {
        const Value value = evaluate(*s.value);
        if (const std::string* text = value.string()) {
          write(*text);
        } else {
          write(value.str());
        }
        return Flow::kNext;
      }
      case Statement::Kind::kFor:
        return loop(s);
      case Statement::Kind::kIf:
        for (const auto& [condition, body] : s.branches) {
          if (evaluate(*condition).truth()) return execute(body);
        }
        return execute(s.otherwise);
      case Statement::Kind::kSet:
        assign(s.target, evaluate(*s.value));
        return Flow::kNext;
      case Statement::Kind::kSetBlock:
        assign(s.target, captured(s));
        return Flow::kNext;
      case Statement::Kind::kFilter:
        write(captured(s).str());
        return Flow::kNext;
      case Statement::Kind::kMacro:
        assign(s.text, Value(Value::Data(&s)));
        return Flow::kNext;
      case Statement::Kind::kGroup:
        return execute(s.body);
      case Statement::Kind::kBreak:
        return Flow::kBreak;
      case Statement::Kind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kNext;
  }

  // What a block prints, through its filters.
  Value captured(const Statement& s) {
    std::string outer;
    outer.swap(out_);
    scopes_.emplace_back();
    execute(s.body);
    scopes_.pop_back();
    std::string text;
    text.swap(out_);
    out_ = std::move(outer);
    Value value = Value::text(std::move(text));
    if (!s.value) return value;
    scopes_.emplace_back();
    assign(kBlockText, std::move(value));
    Value filtered = evaluate(*s.value);
    scopes_.pop_back();
    return filtered;
  }

  Flow loop(const Statement& s) {
    std::vector<Value> items = iterate(evaluate(*s.value));
    charge(items.size() * sizeof(Value));
    if (s.condition) items = kept(s, std::move(items));
    if (items.empty()) return execute(s.otherwise);
    auto list = std::make_shared<List>();
    list->values = std::move(items);
    ++loop_depth_;
    for (size_t i = 0; i < list->values.size(); ++i) {
      scopes_.emplace_back();
      auto loop = std::make_shared<Loop>();
      loop->items = list;
      loop->index0 = i;
      loop->depth = loop_depth_;
      assign("loop", Value(Value::Data(std::shared_ptr<const Loop>(std::move(loop)))));
      assign(s.target, list->values[i]);
      const Flow flow = execute(s.body);
      scopes_.pop_back();
      if (flow == Flow::kBreak) break;
    }
    --loop_depth_;
    return Flow::kNext;
  }

  std::vector<Value> kept(const Statement& s, std::vector<Value> items) {
    std::vector<Value> out;
    for (Value& item : items) {
      scopes_.emplace_back();
      assign(s.target, item);
      if (evaluate(*s.condition).truth()) out.push_back(std::move(item));
      scopes_.pop_back();
    }
    return out;
  }

  Value call_macro(const Statement& macro, const Arguments& args) {
    if (++macro_depth_ > budget_.macro_depth) throw Error("macros call one another too deeply");
    if (args.positional.size() > macro.parameters.size()) {
      throw Error("macro \"" + macro.text + "\" takes " + std::to_string(macro.parameters.size()) +
                  " values, was given " + std::to_string(args.positional.size()));
    }
    // A macro sees the template's own variables and its parameters, not its caller's.
    std::vector<Scope> callers(std::make_move_iterator(scopes_.begin() + 1),
                               std::make_move_iterator(scopes_.end()));
    scopes_.resize(1);
    scopes_.emplace_back();
    for (size_t i = 0; i < macro.parameters.size(); ++i) {
      const auto& [name, otherwise] = macro.parameters[i];
      const Value* given = args.find(i, name);
      assign(name, given != nullptr ? *given
                   : otherwise      ? evaluate(*otherwise)
                                    : Value::undefined(name));
    }
    std::string outer;
    outer.swap(out_);
    execute(macro.body);
    outer.swap(out_);
    scopes_.resize(1);
    scopes_.insert(scopes_.end(), std::make_move_iterator(callers.begin()),
                   std::make_move_iterator(callers.end()));
    --macro_depth_;
    return Value::text(std::move(outer));
  }

  // Expressions.
  Value evaluate(const Expression& e) {
    return placed(e.at, [&] {
      step();
      return value_of(e);
    });
  }

  Value value_of(const Expression& e) {
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
        return attribute_of(evaluate(*e.args[0]), e.text);
      case Kind::kItem: {
        const Value object = evaluate(*e.args[0]);
        const Value key = evaluate(*e.args[1]);
        if (object.string()) charge(object.string()->size());
        return item_of(object, key);
      }
      case Kind::kSlice:
        return slice(e);
      case Kind::kCall:
        return call(e);
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
        return Value::boolean(apply_test(e.text, value, arguments(e)));
      }
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
      case Kind::kAnd:
      case Kind::kOr: {
        Value left = evaluate(*e.args[0]);
        return left.truth() == (e.kind == Kind::kAnd) ? evaluate(*e.args[1]) : left;
      }
      case Kind::kConditional:
        if (evaluate(*e.args[1]).truth()) return evaluate(*e.args[0]);
        return e.args[2] ? evaluate(*e.args[2]) : Value::undefined("a value without else");
    }
    return {};
  }

  Value paid(Value value) {
    if (const std::string* text = value.string()) charge(text->size());
    if (const List* list = value.items()) charge(list->values.size() * sizeof(Value));
    return value;
  }

  std::vector<Value> evaluate_all(const Expression& e, size_t from) {
    std::vector<Value> out;
    for (size_t i = from; i < e.args.size(); ++i) out.push_back(evaluate(*e.args[i]));
    return out;
  }

  Arguments arguments(const Expression& e) {
    Arguments args;
    args.positional = evaluate_all(e, 1);
    for (const auto& [name, value] : e.named) args.named.emplace_back(name, evaluate(*value));
    return args;
  }

  Value dict(const Expression& e) {
    std::vector<std::pair<std::string, Value>> items;
    for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
      const Value key = evaluate(*e.args[i]);
      if (key.string() == nullptr) throw Error("a dict's key must be a string");
      items.emplace_back(*key.string(), evaluate(*e.args[i + 1]));
    }
    return Value::dict(std::move(items));
  }

  Value slice(const Expression& e) {
    const Value object = evaluate(*e.args[0]);
    if (object.string()) charge(object.string()->size());
    if (object.items()) charge(object.items()->values.size() * sizeof(Value));
    Value bounds[3];
    const Value* given[3] = {};
    for (size_t i = 0; i < 3; ++i) {
      if (!e.args[i + 1]) continue;
      bounds[i] = evaluate(*e.args[i + 1]);
      given[i] = &bounds[i];
    }
    return slice_of(object, given[0], given[1], given[2]);
  }

  Value call(const Expression& e) {
    const Value callee = evaluate(*e.args[0]);
    if (const Function* function = callee.as<Function>()) {
      return paid(call_function(function->name, arguments(e), context_));
    }
    if (const auto* macro = callee.as<const Statement*>()) {
      return call_macro(**macro, arguments(e));
    }
    if (const Undefined* undefined = callee.as<Undefined>()) {
      throw Error("\"" + undefined->name + "\" is undefined and cannot be called");
    }
    throw Error(std::string("a ") + callee.type_name() + " cannot be called");
  }

  Value comparison(const Expression& e) {
    Value left = evaluate(*e.args[0]);
    for (size_t i = 0; i < e.operators.size(); ++i) {
      Value right = evaluate(*e.args[i + 1]);
      if (!apply_comparison(e.operators[i], left, right, context_)) return Value::boolean(false);
      left = std::move(right);
    }
    return Value::boolean(true);
  }

  const Budget& budget_;
  Context context_;
  std::vector<Scope> scopes_;
  std::string out_;
  int64_t steps_ = 0;
  int64_t working_ = 0;
  int macro_depth_ = 0;
  int loop_depth_ = 0;
};

}  // namespace

std::string evaluate(const Statement::Body& body,
                     std::vector<std::pair<std::string, Value>> variables,
                     std::chrono::system_clock::time_point now, const Budget& budget) {
  return Evaluator(std::move(variables), now, budget).run(body);
}

}  // namespace gradus::policy::jinja
