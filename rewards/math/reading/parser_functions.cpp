#include "rewards/math/names.h"
#include "rewards/math/reading/parser_impl.h"

// Functions and what they apply to; sums, integrals, limits and derivatives.

namespace gradus::rewards::math {
namespace {

/// arcsin of sin, arsinh of sinh; empty for functions whose ^{-1} is a power.
std::string inverse_of(const std::string& function) {
  if (takes_angle(function)) return "arc" + function;
  if (function == "sinh" || function == "cosh" || function == "tanh") return "ar" + function;
  return "";
}

}  // namespace

/// \frac{d}{dx} of what follows, or the name \frac{dy}{dx}; nullopt where d is but a letter.
std::optional<int32_t> Parser::derivative() {
  const std::string top = differential(1);
  const size_t bottom_at = ahead(3).sign == '}' ? 4 : 5;
  const std::string bottom = top.empty() ? "" : differential(bottom_at);
  if (bottom.size() < 2) return std::nullopt;
  at_ += bottom_at + (ahead(bottom_at + 2).sign == '}' ? 3 : 4);
  const std::string name = top + "/" + bottom;
  if (top.size() > 1) return make(NodeKind::symbol, {}, name);
  return make(NodeKind::call, {expression(kProduct)}, name);
}

/// "d" or "dx" of a braced {d}, {dx} or {d x} that begins `at` tokens ahead; empty for others.
std::string Parser::differential(size_t at) const {
  const std::string_view first = ahead(at + 1).text;
  if (ahead(at).sign != '{' || first.empty() || first[0] != 'd') return "";
  if (ahead(at + 2).sign == '}') return first.size() <= 2 ? std::string(first) : "";
  const Token& variable = ahead(at + 2);
  const bool is_variable =
      variable.kind == TokenKind::letter ||
      (variable.kind == TokenKind::command && is_symbol_command(variable.text));
  if (first != "d" || !is_variable || ahead(at + 3).sign != '}') return "";
  return "d" + std::string(variable.text);
}

int32_t Parser::function(const std::string& name) {
  const Depth depth(*this);
  const Depth also(*this);
  if (name == "sqrt") return root();
  if (name == "det" && here().text.starts_with("begin:")) {
    const int32_t matrix = operand();
    tree_.at(matrix).name = "det";
    return matrix;
  }
  int32_t base = -1;
  int32_t power = -1;
  bool is_inverse = false;
  while (is_symbol("_") || is_symbol("^")) {
    const bool is_base = is_symbol("_");
    ++at_;
    if (is_base) {
      base = is_symbol("{") ? braces() : braced_or_single();
    } else if (is_symbol("{") && ahead().text == "-" && ahead(2).text == "1" &&
               ahead(3).text == "}") {
      at_ += 4;
      is_inverse = true;
    } else {
      power = is_symbol("{") ? braces() : braced_or_single();
    }
  }
  std::vector<int32_t> arguments;
  const bool is_list = name == "gcd" || name == "lcm" || name == "max" || name == "min" ||
                       name == "binom" || name == "log";
  if (is_list && (is_symbol("(") || is_symbol("\\{"))) {
    const std::string closing = is_symbol("(") ? ")" : "\\}";
    ++at_;
    arguments.push_back(expression(kComma + 1));
    while (take_symbol(",")) arguments.push_back(expression(kComma + 1));
    expect_symbol(closing);
  } else {
    arguments.push_back(function_argument());
  }
  if (base >= 0) arguments.push_back(base);
  const std::string inverse = is_inverse ? inverse_of(name) : "";
  const int32_t call = make(NodeKind::call, std::move(arguments), inverse.empty() ? name : inverse);
  if (is_inverse && inverse.empty()) power = make_number(Rational(-1));
  return power < 0 ? call : make(NodeKind::power, {call, power});
}

/// What a function without brackets applies to: sin 2x, but in sin x cos x the x alone.
int32_t Parser::function_argument() {
  const Depth depth(*this);
  if (is_symbol("(") || is_symbol("{") || is_symbol("[")) return operand();
  if (is_symbol("-")) {
    ++at_;
    return make(NodeKind::negate, {function_argument()});
  }
  int32_t product = operand();
  while (true) {
    if (const auto next = postfix(product, kPower)) {
      product = *next;
      continue;
    }
    const bool is_function =
        (here().kind == TokenKind::command || here().kind == TokenKind::word) &&
        function_name(here().text).has_value();
    if (is_function || is_symbol("(") || is_symbol("[") || !starts_operand()) return product;
    if (num_integrals_ > 0 && here().text[0] == 'd' && here().text.size() <= 2) return product;
    if (is_joiner_here()) return product;
    const auto factor = juxtaposition(product, kJuxtaposed);
    if (!factor) return product;
    product = *factor;
  }
}

int32_t Parser::big_operator(const std::string& name) {
  const Depth depth(*this);
  int32_t variable = -1;
  int32_t from = -1;
  int32_t to = -1;
  while (is_symbol("_") || is_symbol("^")) {
    const bool is_lower = is_symbol("_");
    ++at_;
    const int32_t part = is_symbol("{") ? braces() : braced_or_single();
    if (!is_lower) {
      to = part;
    } else if (const Node& node = tree_.at(part);
               node.kind == NodeKind::relation && node.name == "=") {
      variable = node.kids[0];
      from = node.kids[1];
    } else {
      variable = part;
    }
  }
  if (variable < 0) fail("a sum without an index");
  const int32_t body = expression(kProduct);
  std::vector<int32_t> kids{body, variable};
  if (from >= 0) kids.push_back(from);
  if (from >= 0 && to >= 0) kids.push_back(to);
  return make(NodeKind::sum, std::move(kids), name);
}

int32_t Parser::integral() {
  const Depth depth(*this);
  int32_t from = -1;
  int32_t to = -1;
  while (is_symbol("_") || is_symbol("^")) {
    int32_t& bound = is_symbol("_") ? from : to;
    ++at_;
    bound = is_symbol("{") ? braces() : braced_or_single();
  }
  ++num_integrals_;
  const bool is_bare =
      here().kind == TokenKind::word && here().text.size() == 2 && here().text[0] == 'd';
  const int32_t body = is_bare ? make_number(Rational(1)) : expression(kSum);
  --num_integrals_;
  std::string variable;
  if (here().kind == TokenKind::word && here().text.size() == 2 && here().text[0] == 'd') {
    variable = std::string(here().text.substr(1));
    ++at_;
  } else if (is_differential_here()) {
    variable = ahead().text;
    at_ += 2;
  } else {
    fail("an integral without dx");
  }
  std::vector<int32_t> kids{body, make(NodeKind::symbol, {}, variable)};
  if (from >= 0 && to >= 0) {
    kids.push_back(from);
    kids.push_back(to);
  }
  return make(NodeKind::integral, std::move(kids));
}

/// A limit is kept as it is written: two are equal when they are written alike.
int32_t Parser::limit() {
  const Depth depth(*this);
  std::string approach;
  if (take_symbol("_")) approach = raw_group();
  return make(NodeKind::call, {expression(kProduct)}, "lim " + approach);
}

}  // namespace gradus::rewards::math
