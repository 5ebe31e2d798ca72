#include "policy/tokenizer/jinja/parser.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "policy/tokenizer/jinja/builtins.h"

namespace gradus::policy::jinja {
namespace {

using Kind = Expression::Kind;
using Pointer = Expression::Pointer;

constexpr int kMaxExpressionDepth = 250;
constexpr int kMaxBlockDepth = 60;
constexpr int kMaxRecursion = 120;  // of brackets and operators inside one another

constexpr std::string_view kReserved[] = {"and", "or", "not", "if", "else", "in", "is"};

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Statement::Body run() {
    Statement::Body body = statements({});
    for (const auto& [name, at] : called_) {
      if (!is_function(name) && !assigned_.contains(name)) {
        refuse_at(at, "function \"" + name + "\" is not supported");
      }
    }
    return body;
  }

 private:
  // Tokens.
  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& token = peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }
  bool is_op(std::string_view op, size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kOperator && peek(ahead).text == op;
  }
  bool is_name(std::string_view name, size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kName && peek(ahead).text == name;
  }
  bool skip_op(std::string_view op) {
    if (!is_op(op)) return false;
    take();
    return true;
  }
  bool skip_name(std::string_view name) {
    if (!is_name(name)) return false;
    take();
    return true;
  }
  [[noreturn]] void refuse(const std::string& what) const { refuse_at(peek().at, what); }
  std::string found() const {
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
  void expect_op(const std::string& op) {
    if (!skip_op(op)) refuse("expected '" + op + "', found " + found());
  }
  std::string expect_name() {
    if (peek().kind != TokenKind::kName) refuse("expected a name, found " + found());
    return take().text;
  }
  void expect_block_end() {
    if (peek().kind != TokenKind::kBlockEnd) refuse("expected %}, found " + found());
    take();
  }

  // Statements up to one of `ends`, whose {% is taken and whose name is next; the whole template
  // if `ends` is empty.
  Statement::Body statements(const std::vector<std::string_view>& ends) {
    if (++block_depth_ > kMaxBlockDepth) refuse("blocks are nested more than 60 deep");
    const Position opened = peek().at;
    Statement::Body body;
    for (;;) {
      const Token& token = peek();
      if (token.kind == TokenKind::kEnd) {
        if (!ends.empty()) {
          refuse_at(opened, "the block is not closed by {% " + std::string(ends.back()) + " %}");
        }
        break;
      }
      if (token.kind == TokenKind::kData) {
        body.push_back(make(Statement::Kind::kData));
        body.back()->text = take().text;
      } else if (token.kind == TokenKind::kVariableBegin) {
        body.push_back(output());
      } else {
        take();
        const bool ended = std::any_of(ends.begin(), ends.end(),
                                       [&](std::string_view end) { return is_name(end); });
        if (ended) break;
        body.push_back(statement());
      }
    }
    --block_depth_;
    return body;
  }

  Statement::Pointer make(Statement::Kind kind) const {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->at = peek().at;
    return statement;
  }

  Statement::Pointer output() {
    auto out = make(Statement::Kind::kOutput);
    take();
    out->value = tuple_or_expression(/*with_condition=*/true);
    if (peek().kind != TokenKind::kVariableEnd) refuse("expected }}, found " + found());
    take();
    return out;
  }

  Statement::Pointer statement() {
    if (peek().kind != TokenKind::kName) refuse("expected a statement, found " + found());
    const std::string name = peek().text;
    if (name == "for") return for_loop();
    if (name == "if") return if_block();
    if (name == "set") return set();
    if (name == "macro") return macro();
    if (name == "filter") return filter_block();
    if (name == "generation") return generation();
    if (name == "break" || name == "continue") return jump(name);
    refuse("statement \"" + name + "\" is not supported here");
  }

  Statement::Pointer for_loop() {
    auto loop = make(Statement::Kind::kFor);
    take();
    loop->target = target(/*allow_attribute=*/false);
    if (!skip_name("in")) refuse("expected 'in', found " + found());
    loop->value = tuple_or_expression(/*with_condition=*/false);
    if (skip_name("if")) loop->condition = expression();
    if (is_name("recursive")) refuse("a recursive loop is not supported");
    expect_block_end();
    ++loop_depth_;
    loop->body = statements({"else", "endfor"});
    --loop_depth_;
    if (skip_name("else")) {
      expect_block_end();
      loop->otherwise = statements({"endfor"});
    }
    take();
    expect_block_end();
    return loop;
  }

  Statement::Pointer if_block() {
    auto block = make(Statement::Kind::kIf);
    take();
    for (;;) {
      Pointer condition = tuple_or_expression(/*with_condition=*/false);
      expect_block_end();
      block->branches.emplace_back(std::move(condition), statements({"elif", "else", "endif"}));
      if (skip_name("elif")) continue;
      if (skip_name("else")) {
        expect_block_end();
        block->otherwise = statements({"endif"});
      }
      break;
    }
    take();
    expect_block_end();
    return block;
  }

  Statement::Pointer set() {
    auto assignment = make(Statement::Kind::kSet);
    take();
    assignment->target = target(/*allow_attribute=*/true);
    if (skip_op("=")) {
      assignment->value = tuple_or_expression(/*with_condition=*/true);
      expect_block_end();
      return assignment;
    }
    assignment->kind = Statement::Kind::kSetBlock;
    if (is_op("|")) assignment->value = filters(block_text());
    expect_block_end();
    assignment->body = statements({"endset"});
    take();
    expect_block_end();
    return assignment;
  }

  Statement::Pointer macro() {
    auto macro = make(Statement::Kind::kMacro);
    take();
    // A macro sees the template's variables; inside a loop it would have to see the loop's too.
    if (loop_depth_ > 0 || in_macro_) refuse("a macro inside a loop or macro is not supported");
    macro->text = expect_name();
    assigned_.insert(macro->text);
    expect_op("(");
    while (!is_op(")")) {
      const std::string name = expect_name();
      assigned_.insert(name);
      macro->parameters.emplace_back(name, skip_op("=") ? expression() : nullptr);
      if (!skip_op(",")) break;
    }
    expect_op(")");
    expect_block_end();
    in_macro_ = true;
    macro->body = statements({"endmacro"});
    in_macro_ = false;
    take();
    if (peek().kind == TokenKind::kName) take();
    expect_block_end();
    return macro;
  }

  Statement::Pointer filter_block() {
    auto block = make(Statement::Kind::kFilter);
    take();
    block->value = one_filter(block_text());
    block->value = filters(std::move(block->value));
    expect_block_end();
    block->body = statements({"endfilter"});
    take();
    expect_block_end();
    return block;
  }

  Statement::Pointer generation() {
    auto group = make(Statement::Kind::kGroup);
    take();
    expect_block_end();
    group->body = statements({"endgeneration"});
    take();
    expect_block_end();
    return group;
  }

  Statement::Pointer jump(const std::string& name) {
    auto jump = make(name == "break" ? Statement::Kind::kBreak : Statement::Kind::kContinue);
    if (loop_depth_ == 0) refuse("\"" + name + "\" outside a loop");
    take();
    expect_block_end();
    return jump;
  }

  Target target(bool allow_attribute) {
    Target first = one_target(allow_attribute);
    if (!is_op(",")) return first;
    Target all;
    all.at = first.at;
    all.parts.push_back(std::move(first));
    while (skip_op(",")) {
      if (peek().kind != TokenKind::kName || is_name("in")) break;
      all.parts.push_back(one_target(allow_attribute));
    }
    return all;
  }

  Target one_target(bool allow_attribute) {
    Target target;
    target.at = peek().at;
    if (skip_op("(")) {
      target = this->target(allow_attribute);
      expect_op(")");
      return target;
    }
    target.name = expect_name();
    if (std::find(std::begin(kReserved), std::end(kReserved), target.name) != std::end(kReserved)) {
      refuse_at(target.at, "'" + target.name + "' cannot be assigned to");
    }
    if (allow_attribute && skip_op(".")) {
      target.attribute = expect_name();
    } else {
      assigned_.insert(target.name);
    }
    return target;
  }

  // Expressions, from the loosest binding to the tightest.
  class Recursion {
   public:
    explicit Recursion(Parser& parser) : parser_(parser) {
      if (++parser.recursion_ > kMaxRecursion) parser.refuse("expressions are nested too deeply");
    }
    ~Recursion() { --parser_.recursion_; }
    Recursion(const Recursion&) = delete;
    Recursion& operator=(const Recursion&) = delete;

   private:
    Parser& parser_;
  };

  template <class... Args>
  Pointer node(Kind kind, Position at, std::string text, Args... args) {
    auto e = std::make_unique<Expression>();
    e->kind = kind;
    e->at = at;
    e->text = std::move(text);
    (add(*e, std::move(args)), ...);
    return e;
  }
  void add(Expression& parent, Pointer child) {
    if (child) parent.depth = std::max(parent.depth, child->depth + 1);
    if (parent.depth > kMaxExpressionDepth) refuse("an expression is more than 250 deep");
    parent.args.push_back(std::move(child));
  }

  Pointer tuple_or_expression(bool with_condition) {
    const Position at = peek().at;
    const auto one = [&] { return with_condition ? expression() : either(); };
    Pointer first = one();
    if (!is_op(",")) return first;
    Pointer tuple = node(Kind::kTuple, at, "", std::move(first));
    while (skip_op(",")) {
      if (peek().kind == TokenKind::kBlockEnd || peek().kind == TokenKind::kVariableEnd) break;
      add(*tuple, one());
    }
    return tuple;
  }

  Pointer expression() {
    const Recursion guard(*this);
    Pointer value = either();
    while (is_name("if")) {
      const Position at = take().at;
      Pointer condition = either();
      Pointer otherwise = skip_name("else") ? expression() : nullptr;
      value = node(Kind::kConditional, at, "", std::move(value), std::move(condition),
                   std::move(otherwise));
    }
    return value;
  }

  Pointer either() {
    Pointer left = both();
    while (is_name("or")) {
      const Position at = take().at;
      left = node(Kind::kOr, at, "", std::move(left), both());
    }
    return left;
  }

  Pointer both() {
    Pointer left = negation();
    while (is_name("and")) {
      const Position at = take().at;
      left = node(Kind::kAnd, at, "", std::move(left), negation());
    }
    return left;
  }

  Pointer negation() {
    if (!is_name("not")) return comparison();
    const Recursion guard(*this);
    const Position at = take().at;
    return node(Kind::kNot, at, "", negation());
  }

  Pointer comparison() {
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

  Pointer binary(std::initializer_list<std::string_view> ops, Pointer (Parser::*operand)()) {
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
  Pointer sum() { return binary({"+", "-"}, &Parser::concatenation); }
  Pointer concatenation() { return binary({"~"}, &Parser::product); }
  Pointer product() { return binary({"*", "/", "//", "%"}, &Parser::power); }
  Pointer power() { return binary({"**"}, &Parser::filtered_unary); }

  Pointer filtered_unary() { return unary(/*with_filter=*/true); }

  Pointer unary(bool with_filter) {
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

  Pointer literal(Position at, Value value) {
    Pointer e = node(Kind::kLiteral, at, "");
    e->literal = std::move(value);
    return e;
  }

  Pointer primary() {
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
        if (std::from_chars(token.text.data(), end, value).ec != std::errc()) {
          refuse_at(token.at, "the number " + token.text + " is too large");
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

  Pointer name() {
    const Token token = take();
    const std::string& n = token.text;
    if (n == "true" || n == "True") return literal(token.at, Value::boolean(true));
    if (n == "false" || n == "False") return literal(token.at, Value::boolean(false));
    if (n == "none" || n == "None") return literal(token.at, Value::none());
    if (std::find(std::begin(kReserved), std::end(kReserved), n) != std::end(kReserved)) {
      refuse_at(token.at, "expected a value, found '" + n + "'");
    }
    if (is_op("(")) called_.emplace_back(n, token.at);
    return node(Kind::kName, token.at, n);
  }

  Pointer parenthesis() {
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

  Pointer list() {
    const Recursion guard(*this);
    Pointer out = node(Kind::kList, take().at, "");
    while (!is_op("]")) {
      add(*out, expression());
      if (!skip_op(",")) break;
    }
    expect_op("]");
    return out;
  }

  Pointer dict() {
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

  Pointer postfix(Pointer value) {
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

  Pointer attribute(Pointer object, Position at) {
    if (peek().kind == TokenKind::kInteger) {
      const std::string text = take().text;
      int64_t index = 0;
      std::from_chars(text.data(), text.data() + text.size(), index);
      return node(Kind::kItem, at, "", std::move(object), literal(at, Value::integer(index)));
    }
    const std::string name = expect_name();
    if (!is_op("(")) return node(Kind::kAttribute, at, name, std::move(object));
    if (!is_method(name)) refuse_at(at, "method \"" + name + "\" is not supported");
    Pointer call = node(Kind::kMethod, at, name, std::move(object));
    arguments(*call);
    return call;
  }

  Pointer subscript(Pointer object) {
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
  void arguments(Expression& call) {
    const Recursion guard(*this);
    expect_op("(");
    while (!is_op(")")) {
      if (is_op("*") || is_op("**")) refuse("unpacked arguments are not supported");
      if (peek().kind == TokenKind::kName && is_op("=", 1)) {
        const std::string name = take().text;
        take();
        Pointer value = expression();
        call.depth = std::max(call.depth, value->depth + 1);
        call.named.emplace_back(name, std::move(value));
      } else {
        add(call, expression());
      }
      if (!skip_op(",")) break;
    }
    expect_op(")");
  }

  Pointer filters_and_tests(Pointer value) {
    for (;;) {
      if (is_op("|")) {
        take();
        value = one_filter(std::move(value));
      } else if (is_name("is")) {
        value = test(std::move(value));
      } else if (is_op("(")) {
        value = node(Kind::kCall, peek().at, "", std::move(value));
        arguments(*value);
      } else {
        return value;
      }
    }
  }

  Pointer block_text() { return node(Kind::kName, peek().at, kBlockText); }

  Pointer filters(Pointer value) {
    while (skip_op("|")) value = one_filter(std::move(value));
    return value;
  }

  Pointer one_filter(Pointer value) {
    const Position at = peek().at;
    const std::string name = expect_name();
    if (!is_filter(name)) refuse_at(at, "filter \"" + name + "\" is not supported");
    Pointer filter = node(Kind::kFilter, at, name, std::move(value));
    if (is_op("(")) arguments(*filter);
    check_names_in(*filter);
    return filter;
  }

  // map('upper') and select('odd') name filters and tests in strings.
  void check_names_in(const Expression& filter) const {
    const auto named = [&](size_t index, bool is_known(std::string_view), const char* what) {
      if (filter.args.size() <= index) return;
      const std::string* name = filter.args[index]->literal.string();
      if (filter.args[index]->kind == Kind::kLiteral && name && !is_known(*name)) {
        refuse_at(filter.at, std::string(what) + " \"" + *name + "\" is not supported");
      }
    };
    if (filter.text == "map") named(1, is_filter, "filter");
    if (filter.text == "select" || filter.text == "reject") named(1, is_test, "test");
    if (filter.text == "selectattr" || filter.text == "rejectattr") named(2, is_test, "test");
  }

  Pointer test(Pointer value) {
    const Position at = take().at;
    const bool negated = skip_name("not");
    std::string name = peek().kind == TokenKind::kName ? take().text : "";
    if (!is_test(name)) {
      refuse_at(at, "test \"" + (name.empty() ? found() : name) + "\" is not supported");
    }
    Pointer out = node(Kind::kTest, at, name, std::move(value));
    static constexpr std::string_view kWithArgument[] = {
        "divisibleby", "eq", "equalto",     "ne", "lt", "lessthan",
        "le",          "gt", "greaterthan", "ge", "in", "sameas"};
    if (is_op("(")) {
      arguments(*out);
    } else if (std::find(std::begin(kWithArgument), std::end(kWithArgument), name) !=
               std::end(kWithArgument)) {
      add(*out, postfix(primary()));
    }
    return negated ? node(Kind::kNot, at, "", std::move(out)) : std::move(out);
  }

  std::vector<Token> tokens_;
  size_t next_ = 0;
  int block_depth_ = 0;
  int loop_depth_ = 0;
  int recursion_ = 0;
  bool in_macro_ = false;
  std::unordered_set<std::string> assigned_;
  std::vector<std::pair<std::string, Position>> called_;
};

}  // namespace

Statement::Body parse_template(std::string_view source) {
  return Parser(tokenize_template(source)).run();
}

}  // namespace gradus::policy::jinja
