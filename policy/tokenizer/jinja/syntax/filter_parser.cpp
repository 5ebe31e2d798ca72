// Filters and tests behind an expression.
#include <algorithm>

#include "policy/tokenizer/jinja/builtins.h"
#include "policy/tokenizer/jinja/syntax/expression_parser.h"

namespace gradus::policy::jinja {
namespace {

using Kind = Expression::Kind;

}  // namespace

Expression::Pointer ExpressionParser::filters_and_tests(Pointer value) {
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

Expression::Pointer ExpressionParser::block_text() {
  return node(Kind::kName, peek().at, kBlockText);
}

Expression::Pointer ExpressionParser::filters(Pointer value) {
  while (skip_op("|")) value = one_filter(std::move(value));
  return value;
}

Expression::Pointer ExpressionParser::one_filter(Pointer value) {
  const Position at = peek().at;
  const std::string name = expect_name();
  if (!is_filter(name)) unknown_.push_back({at, "filter \"" + name + "\" is not supported", ""});
  Pointer filter = node(Kind::kFilter, at, name, std::move(value));
  if (is_op("(")) arguments(*filter);
  check_names_in(*filter);
  return filter;
}

// map('upper') and select('odd') name filters and tests in strings.
void ExpressionParser::check_names_in(const Expression& filter) {
  const auto named = [&](size_t index, bool is_known(std::string_view), const char* what) {
    if (filter.args.size() <= index) return;
    const std::string* name = filter.args[index]->literal.string();
    if (filter.args[index]->kind == Kind::kLiteral && name && !is_known(*name)) {
      unknown_.push_back(
          {filter.at, std::string(what) + " \"" + *name + "\" is not supported", "", true});
    }
  };
  if (filter.text == "map") named(1, is_filter, "filter");
  if (filter.text == "select" || filter.text == "reject") named(1, is_test, "test");
  if (filter.text == "selectattr" || filter.text == "rejectattr") named(2, is_test, "test");
}

Expression::Pointer ExpressionParser::test(Pointer value) {
  const Position at = take().at;
  const bool negated = skip_name("not");
  std::string name = peek().kind == TokenKind::kName ? take().text : "";
  if (name.empty()) refuse_at(at, "expected a test, found " + found());
  if (!is_test(name)) unknown_.push_back({at, "test \"" + name + "\" is not supported", ""});
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

}  // namespace gradus::policy::jinja
