// Statements and blocks. Expressions are in expression_parser.cpp.
#include "policy/tokenizer/jinja/syntax/parser.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "policy/tokenizer/jinja/builtins.h"
#include "policy/tokenizer/jinja/syntax/expression_parser.h"

namespace gradus::policy::jinja {
namespace {

constexpr int kMaxBlockDepth = 60;

class Parser : private ExpressionParser {
 public:
  explicit Parser(std::vector<Token> tokens) : ExpressionParser(std::move(tokens)) {}

  Statement::Body run() {
    Statement::Body body = statements({});
    for (const Unknown& part : unknown()) {
      if (!assigned_.contains(part.function)) refuse_at(part.at, part.what);
    }
    return body;
  }

 private:
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
    if (name == "generation") return group("endgeneration");
    if (name == "block") return group("endblock");
    if (name == "autoescape") return autoescape();
    if (name == "with") return with_block();
    if (name == "call") return call_block();
    if (name == "break" || name == "continue") return jump(name);
    if (is_elsewhere(name)) return other_template(name);
    refuse("statement \"" + name + "\" is not supported here");
  }

  Statement::Pointer for_loop() {
    auto loop = make(Statement::Kind::kFor);
    take();
    loop->target = target(/*allow_attribute=*/false);
    if (!skip_name("in")) refuse("expected 'in', found " + found());
    loop->value = tuple_or_expression(/*with_condition=*/false);
    if (skip_name("if")) loop->condition = expression();
    loop->is_recursive = skip_name("recursive");
    expect_block_end();
    ++loop_depth_;
    const size_t begin = mark();
    loop->body = statements({"else", "endfor"});
    forgive(begin, /*calls_only=*/true);
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
    const size_t begin = mark();
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
    forgive(begin);
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
    macro->text = expect_name();
    assigned_.insert(macro->text);
    parameters(*macro);
    expect_block_end();
    macro_body(*macro, "endmacro");
    if (peek().kind == TokenKind::kName) take();
    expect_block_end();
    return macro;
  }

  // "(a, b=1)".
  void parameters(Statement& macro) {
    expect_op("(");
    while (!is_op(")")) {
      const std::string name = expect_name();
      assigned_.insert(name);
      macro.parameters.emplace_back(name, skip_op("=") ? expression() : nullptr);
      if (!skip_op(",")) break;
    }
    expect_op(")");
  }

  void macro_body(Statement& macro, std::string_view end) {
    const bool outer_varargs = std::exchange(uses_varargs_, false);
    const bool outer_kwargs = std::exchange(uses_kwargs_, false);
    const int outer_loops = std::exchange(loop_depth_, 0);
    const size_t begin = mark();
    macro.body = statements({end});
    forgive(begin, /*calls_only=*/true);
    take();
    macro.uses_varargs = std::exchange(uses_varargs_, outer_varargs);
    macro.uses_kwargs = std::exchange(uses_kwargs_, outer_kwargs);
    loop_depth_ = outer_loops;
  }

  Statement::Pointer call_block() {
    auto block = make(Statement::Kind::kCall);
    take();
    block->text = "caller";
    if (is_op("(")) parameters(*block);
    block->value = expression();
    if (block->value->kind != Expression::Kind::kCall) {
      refuse_at(block->at, "{% call %} needs the call of a macro");
    }
    expect_block_end();
    macro_body(*block, "endcall");
    expect_block_end();
    return block;
  }

  Statement::Pointer with_block() {
    auto block = make(Statement::Kind::kWith);
    take();
    while (peek().kind != TokenKind::kBlockEnd) {
      if (!block->assignments.empty()) expect_op(",");
      Target name = one_target(/*allow_attribute=*/false);
      expect_op("=");
      block->assignments.emplace_back(std::move(name), expression());
    }
    expect_block_end();
    block->body = statements({"endwith"});
    take();
    expect_block_end();
    return block;
  }

  // Nothing is escaped here, so that turning it off changes nothing.
  Statement::Pointer autoescape() {
    const Position at = peek().at;
    take();
    const Pointer is_on = expression();
    if (is_on->kind != Expression::Kind::kLiteral || is_on->literal.truth()) {
      refuse_at(at, "{% autoescape true %} is not supported");
    }
    expect_block_end();
    auto block = make(Statement::Kind::kGroup);
    block->body = statements({"endautoescape"});
    take();
    expect_block_end();
    return block;
  }

  static bool is_elsewhere(std::string_view name) {
    return name == "include" || name == "import" || name == "from" || name == "extends";
  }

  // A chat template stands alone: such a statement fails where it is reached.
  Statement::Pointer other_template(const std::string& name) {
    auto statement = make(Statement::Kind::kUnsupported);
    statement->text = name;
    note_unknown(peek().at, "statement \"" + name + "\" is not supported here");
    while (peek().kind != TokenKind::kBlockEnd) {
      if (peek().kind == TokenKind::kEnd) refuse("expected %}, found " + found());
      take();
    }
    take();
    return statement;
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

  // {% generation %} and {% block name %}.
  Statement::Pointer group(std::string_view end) {
    auto group = make(Statement::Kind::kGroup);
    take();
    while (peek().kind == TokenKind::kName) take();
    expect_block_end();
    group->body = statements({end});
    take();
    while (peek().kind == TokenKind::kName) take();
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
    if (is_reserved(target.name)) {
      refuse_at(target.at, "'" + target.name + "' cannot be assigned to");
    }
    if (allow_attribute && skip_op(".")) {
      target.attribute = expect_name();
    } else {
      assigned_.insert(target.name);
    }
    return target;
  }

  int block_depth_ = 0;
  int loop_depth_ = 0;
  std::unordered_set<std::string> assigned_;
};

}  // namespace

Statement::Body parse_template(std::string_view source) {
  return Parser(tokenize_template(source)).run();
}

}  // namespace gradus::policy::jinja
