#include "policy/tokenizer/jinja/syntax/expression_parser.h"

#include <algorithm>
#include <charconv>

#include "policy/tokenizer/jinja/builtins.h"

namespace gradus::policy::jinja {
namespace {

using Kind = Expression::Kind;

constexpr int kMaxExpressionDepth = 250;
constexpr int kMaxRecursion = 120;  // of brackets and operators inside one another

}  // namespace

bool is_reserved(std::string_view name) {
  static constexpr std::string_view kReserved[] = {"and", "or", "not", "if", "else", "in", "is"};
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

class ExpressionParser::Recursion {
 public:
  explicit Recursion(ExpressionParser& parser) : parser_(parser) {
    if (++parser.recursion_ > kMaxRecursion) parser.refuse("expressions are nested too deeply");
  }
  ~Recursion() { --parser_.recursion_; }
  Recursion(const Recursion&) = delete;
  Recursion& operator=(const Recursion&) = delete;

 private:
  ExpressionParser& parser_;
};

void ExpressionParser::forgive(size_t mark, bool calls_only) {
  const auto from = unknown_.begin() + static_cast<std::ptrdiff_t>(mark);
  unknown_.erase(std::remove_if(from, unknown_.end(),
                                [&](const Unknown& u) { return !calls_only || u.is_call; }),
                 unknown_.end());
}

void ExpressionParser::add(Expression& parent, Pointer child) {
  if (child) parent.depth = std::max(parent.depth, child->depth + 1);
  if (parent.depth > kMaxExpressionDepth) refuse("an expression is more than 250 deep");
  parent.args.push_back(std::move(child));
}

Expression::Pointer ExpressionParser::tuple_or_expression(bool with_condition) {
  const Position at = peek().at;
  const auto one = [&] { return with_condition ? expression() : either(); };
  Pointer first = one();
  if (!is_op(",")) return first;
  Pointer tuple = node(Kind::kTuple, at, "", std::move(first));
  while (skip_op(",")) {
    if (is_tag_end()) break;
    add(*tuple, one());
  }
  return tuple;
}

Expression::Pointer ExpressionParser::expression() {
  const Recursion guard(*this);
  const size_t begin = mark();
  Pointer value = either();
  while (is_name("if")) {
    const Position at = take().at;
    Pointer condition = either();
    Pointer otherwise = skip_name("else") ? expression() : nullptr;
    forgive(begin);
    value = node(Kind::kConditional, at, "", std::move(value), std::move(condition),
                 std::move(otherwise));
  }
  return value;
}

Expression::Pointer ExpressionParser::either() {
  Pointer left = both();
  while (is_name("or")) {
    const Position at = take().at;
    const size_t begin = mark();
    Pointer right = both();
    forgive(begin, /*calls_only=*/true);
    left = node(Kind::kOr, at, "", std::move(left), std::move(right));
  }
  return left;
}

Expression::Pointer ExpressionParser::both() {
  Pointer left = negation();
  while (is_name("and")) {
    const Position at = take().at;
    const size_t begin = mark();
    Pointer right = negation();
    forgive(begin, /*calls_only=*/true);
    left = node(Kind::kAnd, at, "", std::move(left), std::move(right));
  }
  return left;
}

Expression::Pointer ExpressionParser::negation() {
  if (!is_name("not")) return comparison();
  const Recursion guard(*this);
  const Position at = take().at;
  return node(Kind::kNot, at, "", negation());
}

Expression::Pointer ExpressionParser::comparison() {
  static constexpr std::string_view kOps[] = {"==", "!=", "<=", ">=", "<", ">"};
  const Position at = peek().at;
  Pointer first = sum();
  Pointer chain;
  for (;;) {
    std::string op;
    for (const std::string_view known : kOps) {
      if (op.empty() && is_op(known)) op = known;
    }
    if (is_name("in")) op = "in";
    if (is_name("not") && is_name("in", 1)) {
      take();
      op = "not in";
    }
    if (op.empty()) return chain ? std::move(chain) : std::move(first);
    take();
    if (!chain) chain = node(Kind::kCompare, at, "", std::move(first));
    chain->operators.push_back(op);
    add(*chain, sum());
  }
}

Expression::Pointer ExpressionParser::binary(std::initializer_list<std::string_view> ops,
                                             Pointer (ExpressionParser::*operand)()) {
  Pointer left = (this->*operand)();
  for (;;) {
    const bool known =
        std::any_of(ops.begin(), ops.end(), [&](std::string_view op) { return is_op(op); });
    if (!known) return left;
    const Token& op = take();
    const Position at = op.at;
    const std::string text = op.text;
    left = node(Kind::kBinary, at, text, std::move(left), (this->*operand)());
  }
}
Expression::Pointer ExpressionParser::sum() {
  return binary({"+", "-"}, &ExpressionParser::concatenation);
}
Expression::Pointer ExpressionParser::concatenation() {
  return binary({"~"}, &ExpressionParser::product);
}
Expression::Pointer ExpressionParser::product() {
  return binary({"*", "/", "//", "%"}, &ExpressionParser::power);
}
Expression::Pointer ExpressionParser::power() {
  return binary({"**"}, &ExpressionParser::filtered_unary);
}

Expression::Pointer ExpressionParser::filtered_unary() {
  return unary(/*with_filter=*/true);
}

Expression::Pointer ExpressionParser::unary(bool with_filter) {
  const Position at = peek().at;
  Pointer value;
  if (is_op("-") || is_op("+")) {
    const Recursion guard(*this);
    const Kind kind = take().text == "-" ? Kind::kNegative : Kind::kPositive;
    value = node(kind, at, "", unary(/*with_filter=*/false));
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filter ? filters_and_tests(std::move(value)) : std::move(value);
}

Expression::Pointer ExpressionParser::literal(Position at, Value value) {
  Pointer e = node(Kind::kLiteral, at, "");
  e->literal = std::move(value);
  return e;
}

Expression::Pointer ExpressionParser::primary() {
  const Token token = peek();
  switch (token.kind) {
    case TokenKind::kName:
      return name();
    case TokenKind::kString: {
      std::string text;
      while (peek().kind == TokenKind::kString) text += take().text;
      return literal(token.at, Value::text(std::move(text)));
    }
    case TokenKind::kInteger: {
      take();
      int64_t value = 0;
      const char* end = token.text.data() + token.text.size();
      const bool has_base = token.text.size() > 2 && token.text[0] == '0';
      const int base = !has_base                       ? 10
                       : (token.text[1] | 0x20) == 'x' ? 16
                       : (token.text[1] | 0x20) == 'o' ? 8
                       : (token.text[1] | 0x20) == 'b' ? 2
                                                       : 10;
      const char* begin = token.text.data() + (base == 10 ? 0 : 2);
      const auto read = std::from_chars(begin, end, value, base);
      if (read.ec == std::errc::result_out_of_range && base == 10) {
        return literal(token.at, Value::big_integer(token.text));
      }
      if (read.ec != std::errc() || read.ptr != end) {
        refuse_at(token.at, "the number " + token.text + " cannot be read");
      }
      return literal(token.at, Value::integer(value));
    }
    case TokenKind::kFloat: {
      take();
      double value = 0;
      std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
      return literal(token.at, Value::real(value));
    }
    default:
      break;
  }
  if (is_op("(")) return parenthesis();
  if (is_op("[")) return list();
  if (is_op("{")) return dict();
  refuse("expected a value, found " + found());
}

Expression::Pointer ExpressionParser::name() {
  const Token token = take();
  const std::string& n = token.text;
  if (n == "true" || n == "True") return literal(token.at, Value::boolean(true));
  if (n == "false" || n == "False") return literal(token.at, Value::boolean(false));
  if (n == "none" || n == "None") return literal(token.at, Value::none());
  if (is_reserved(n)) {
    refuse_at(token.at, "expected a value, found '" + n + "'");
  }
  uses_varargs_ = uses_varargs_ || n == "varargs";
  uses_kwargs_ = uses_kwargs_ || n == "kwargs";
  if (is_op("(") && !is_function(n) && n != "caller" && n != "loop") {
    unknown_.push_back({token.at, "function \"" + n + "\" is not supported", n, true});
  }
  return node(Kind::kName, token.at, n);
}

Expression::Pointer ExpressionParser::parenthesis() {
  const Recursion guard(*this);
  const Position at = take().at;
  if (skip_op(")")) return node(Kind::kTuple, at, "");
  Pointer first = expression();
  if (is_op(",")) {
    first = node(Kind::kTuple, at, "", std::move(first));
    while (skip_op(",")) {
      if (is_op(")")) break;
      add(*first, expression());
    }
  }
  expect_op(")");
  return first;
}

Expression::Pointer ExpressionParser::list() {
  const Recursion guard(*this);
  Pointer out = node(Kind::kList, take().at, "");
  while (!is_op("]")) {
    add(*out, expression());
    if (!skip_op(",")) break;
  }
  expect_op("]");
  return out;
}

Expression::Pointer ExpressionParser::dict() {
  const Recursion guard(*this);
  Pointer out = node(Kind::kDict, take().at, "");
  while (!is_op("}")) {
    add(*out, expression());
    expect_op(":");
    add(*out, expression());
    if (!skip_op(",")) break;
  }
  expect_op("}");
  return out;
}

Expression::Pointer ExpressionParser::postfix(Pointer value) {
  for (;;) {
    const Position at = peek().at;
    if (skip_op(".")) {
      value = attribute(std::move(value), at);
    } else if (is_op("[")) {
      value = subscript(std::move(value));
    } else if (is_op("(")) {
      value = node(Kind::kCall, at, "", std::move(value));
      arguments(*value);
    } else {
      return value;
    }
  }
}

Expression::Pointer ExpressionParser::attribute(Pointer object, Position at) {
  if (peek().kind == TokenKind::kInteger) {
    const std::string text = take().text;
    int64_t index = 0;
    std::from_chars(text.data(), text.data() + text.size(), index);
    return node(Kind::kItem, at, "", std::move(object), literal(at, Value::integer(index)));
  }
  const std::string name = expect_name();
  if (!is_op("(")) return node(Kind::kAttribute, at, name, std::move(object));
  if (!is_method(name)) {
    unknown_.push_back({at, "method \"" + name + "\" is not supported", "", true});
  }
  Pointer call = node(Kind::kMethod, at, name, std::move(object));
  arguments(*call);
  return call;
}

Expression::Pointer ExpressionParser::subscript(Pointer object) {
  const Recursion guard(*this);
  const Position at = take().at;
  Pointer parts[3];
  bool is_slice = false;
  int part = 0;
  while (!is_op("]")) {
    if (skip_op(":")) {
      is_slice = true;
      if (++part > 2) refuse("a slice has at most three parts");
    } else if (!parts[part]) {
      parts[part] = expression();
    } else {
      refuse("expected ']', found " + found());
    }
  }
  expect_op("]");
  if (!is_slice) {
    if (!parts[0]) refuse_at(at, "expected a key between [ and ]");
    return node(Kind::kItem, at, "", std::move(object), std::move(parts[0]));
  }
  return node(Kind::kSlice, at, "", std::move(object), std::move(parts[0]), std::move(parts[1]),
              std::move(parts[2]));
}

// "(a, b, name=c)" behind a call, method, filter or test.
void ExpressionParser::arguments(Expression& call) {
  const Recursion guard(*this);
  expect_op("(");
  while (!is_op(")")) {
    if (is_op("*") || is_op("**")) {
      Pointer& place = is_op("*") ? call.unpacked_list : call.unpacked_dict;
      if (place || call.unpacked_dict)
        refuse("one list and one dict can be unpacked, in this order");
      take();
      place = expression();
      call.depth = std::max(call.depth, place->depth + 1);
    } else if (peek().kind == TokenKind::kName && is_op("=", 1)) {
      const std::string name = take().text;
      take();
      Pointer value = expression();
      call.depth = std::max(call.depth, value->depth + 1);
      call.named.emplace_back(name, std::move(value));
    } else {
      if (call.unpacked_list || call.unpacked_dict || !call.named.empty()) {
        refuse("a value without a name stands behind named or unpacked ones");
      }
      add(call, expression());
    }
    if (!skip_op(",")) break;
  }
  expect_op(")");
}

}  // namespace gradus::policy::jinja
