#include <memory>

#include "base/error.h"
#include "base/printable.h"
#include "policy/tokenizer/jinja/evaluation.h"
#include "policy/tokenizer/jinja/evaluator.h"

namespace gradus::policy::jinja {
namespace {

constexpr int kMaxEvaluationDepth = 2500;

}  // namespace

void throw_placed(Position at, const Error& error) {
  throw PlacedError("chat template, line " + std::to_string(at.line) + ", column " +
                    std::to_string(at.column) + ": " + printable(error.what()));
}

Evaluation::Depth::Depth(Evaluation& evaluation) : evaluation_(evaluation) {
  if (++evaluation_.depth_ > kMaxEvaluationDepth) {
    --evaluation_.depth_;
    throw Error("the template's calls are nested too deeply");
  }
}

Evaluation::Evaluation(Names variables, std::chrono::system_clock::time_point now,
                       const Budget& budget)
    : meter_(budget), context_{meter_, now} {
  scopes_.push_back(std::make_shared<Scope>());
  scopes_.back()->names = std::move(variables);
}

std::string Evaluation::run(const Statement::Body& body) {
  execute(body);
  return std::move(out_);
}

void Evaluation::write(std::string_view text) {
  meter_.charge(text.size());
  if (static_cast<int64_t>(out_.size() + text.size()) > meter_.budget().output_bytes) {
    throw Error("the template writes more than " +
                std::to_string(meter_.budget().output_bytes >> 20) + " MiB");
  }
  out_ += text;
}

Value Evaluation::lookup(const std::string& name) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const Value* found = (*scope)->find(name, meter_)) return *found;
  }
  if (is_function(name)) return Value(Value::Data(Function{name}));
  return Value::undefined(name);
}

void Evaluation::assign(const std::string& name, Value value) {
  scopes_.back()->set(name, std::move(value), meter_);
}

void Evaluation::assign(const Target& target, const Value& value) {
  if (!target.parts.empty()) return unpack(target, value);
  if (target.attribute.empty()) return assign(target.name, value);
  const Value object = lookup(target.name);
  const auto* space = object.as<std::shared_ptr<Namespace>>();
  if (space == nullptr) {
    throw Error("\"" + target.name + "\" is no namespace, its \"" + target.attribute +
                "\" cannot be set");
  }
  (*space)->set(target.attribute, value, meter_);
}

void Evaluation::unpack(const Target& target, const Value& value) {
  const std::vector<Value> items = iterate(value, context_);
  if (items.size() != target.parts.size()) {
    throw Error(std::to_string(items.size()) + " values for " +
                std::to_string(target.parts.size()) + " names");
  }
  for (size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i]);
}

Flow Evaluation::execute(const Statement::Body& body) {
  for (const auto& statement : body) {
    const Flow flow = placed(statement->at, [&] { return execute(*statement); });
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Flow Evaluation::execute(const Statement& s) {
  const Depth guard(*this);
  meter_.step();
  switch (s.kind) {
    case Statement::Kind::kData:
      write(s.text);
      return Flow::kNext;
    case Statement::Kind::kOutput: {
      const Value value = evaluate(*s.value);
      write(value.string() ? *value.string() : value.str(meter_));
      return Flow::kNext;
    }
    case Statement::Kind::kFor:
      return loop(s, iterate(evaluate(*s.value), context_), 1);
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
      write(captured(s).str(meter_));
      return Flow::kNext;
    case Statement::Kind::kMacro:
      assign(s.text, Value(Value::Data(macro_of(s))));
      return Flow::kNext;
    case Statement::Kind::kWith:
      with_block(s);
      return Flow::kNext;
    case Statement::Kind::kCall:
      write(call(*s.value, macro_of(s)).str(meter_));
      return Flow::kNext;
    case Statement::Kind::kGroup:
      return execute_inside(s);
    case Statement::Kind::kUnsupported:
      throw Error("statement \"" + s.text + "\" is not supported here");
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

std::shared_ptr<const Macro> Evaluation::macro_of(const Statement& s) const {
  auto macro = std::make_shared<Macro>();
  macro->statement = &s;
  macro->around.assign(scopes_.begin(), scopes_.end());
  return macro;
}

Flow Evaluation::execute_inside(const Statement& s) {
  scopes_.push_back(std::make_shared<Scope>());
  const Flow flow = execute(s.body);
  scopes_.pop_back();
  return flow;
}

// The values are those of the names outside.
void Evaluation::with_block(const Statement& s) {
  std::vector<Value> values;
  for (const auto& [target, value] : s.assignments) values.push_back(evaluate(*value));
  scopes_.push_back(std::make_shared<Scope>());
  for (size_t i = 0; i < values.size(); ++i) assign(s.assignments[i].first, values[i]);
  execute(s.body);
  scopes_.pop_back();
}

// What a block prints, through its filters.
Value Evaluation::captured(const Statement& s) {
  std::string outer;
  outer.swap(out_);
  execute_inside(s);
  std::string text;
  text.swap(out_);
  out_ = std::move(outer);
  Value value = Value::text(std::move(text));
  if (!s.value) return value;
  scopes_.push_back(std::make_shared<Scope>());
  assign(kBlockText, std::move(value));
  Value filtered = evaluate(*s.value);
  scopes_.pop_back();
  return filtered;
}

Flow Evaluation::loop(const Statement& s, std::vector<Value> items, int depth) {
  if (s.condition) items = kept(s, std::move(items));
  if (items.empty()) return execute(s.otherwise);
  auto list = std::make_shared<List>();
  list->values = std::move(items);
  const auto last_seen = std::make_shared<Value>();
  for (size_t i = 0; i < list->values.size(); ++i) {
    scopes_.push_back(std::make_shared<Scope>());
    meter_.charge(sizeof(Scope) + sizeof(Loop));
    auto loop = std::make_shared<Loop>();
    loop->items = list;
    loop->index0 = i;
    loop->depth = depth;
    loop->recursive = s.is_recursive ? &s : nullptr;
    loop->last_seen = last_seen;
    assign("loop", Value(Value::Data(std::shared_ptr<const Loop>(std::move(loop)))));
    assign(s.target, list->values[i]);
    const Flow flow = execute(s.body);
    scopes_.pop_back();
    if (flow == Flow::kBreak) break;
  }
  return Flow::kNext;
}

std::vector<Value> Evaluation::kept(const Statement& s, std::vector<Value> items) {
  std::vector<Value> out;
  for (Value& item : items) {
    scopes_.push_back(std::make_shared<Scope>());
    assign(s.target, item);
    if (evaluate(*s.condition).truth()) out.push_back(std::move(item));
    scopes_.pop_back();
  }
  return out;
}

std::string evaluate(const Statement::Body& body,
                     std::vector<std::pair<std::string, Value>> variables,
                     std::chrono::system_clock::time_point now, const Budget& budget) {
  return Evaluation(std::move(variables), now, budget).run(body);
}

}  // namespace gradus::policy::jinja
