#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rewards/math/reading/parser.h"

namespace gradus::rewards::math {

/// Binding powers, loosest first. An operator takes operands that bind tighter.
enum Binding : int {
  kAnything = 0,
  kSemicolon = 2,
  kComma = 4,
  kImplies = 6,
  kRelation = 10,
  kUnion = 14,
  kIntersection = 16,
  kRatio = 18,
  kSum = 20,
  kModulo = 24,
  kProduct = 30,
  kUnary = 31,
  kJuxtaposed = 33,  // 1/2x is (1/2)x, as from left to right
  kPower = 50,
};

struct SyntaxFault {
  ParsedMath::Fault fault;
  std::string reason;
};

/// A Pratt parser over tokens. Expressions are in parser.cpp, signs between operands in
/// parser_operators.cpp, products that do not commute in parser_products.cpp, what an operand may
/// start with in parser_operands.cpp and, of commands, in parser_commands.cpp, what may follow it
/// in parser_postfix.cpp and parser_units.cpp, functions in parser_functions.cpp, brackets and
/// environments in parser_brackets.cpp.
class Parser {
 public:
  Parser(TokenList& list, const ParseOptions& options) : tokens_(list.tokens), options_(options) {}

  /// @throws SyntaxFault
  Tree run();

 private:
  // parser.cpp
  int32_t expression(int binding);
  std::optional<int32_t> juxtaposition(int32_t left, int binding);
  int32_t joined(NodeKind kind, int32_t left, int32_t right);
  bool starts_operand() const;
  bool closes_interval() const;
  bool is_differential_here() const;

  // parser_operators.cpp
  std::optional<int32_t> operation(int32_t left, int binding);
  std::optional<int32_t> binary(int32_t left, int binding, int power, NodeKind kind);
  std::optional<int32_t> command_operation(int32_t left, int binding);
  std::optional<int32_t> symbol_operation(int32_t left, int binding);
  // parser_products.cpp
  int32_t crossed(int32_t left);
  int32_t ordered_operation(int32_t left);
  std::optional<int32_t> ordered_product(int32_t left, int32_t right);
  std::optional<int32_t> ordered_letters(const std::vector<int32_t>& letters);
  bool is_vector(int32_t id) const;
  bool is_matrix_like(int32_t id) const;
  bool is_matrix_letter(int32_t id) const;
  bool are_matrix_letters(int32_t id) const;
  std::vector<int32_t> factors_of_product(int32_t id) const;
  int32_t replaced_last(int32_t product, int32_t factor);

  int32_t listed(int32_t left, const char* separator, int binding);
  std::optional<std::vector<int32_t>> equal_groups(const std::vector<int32_t>& items,
                                                   const std::vector<size_t>& ends);
  int32_t added(int32_t left);
  int32_t related(int32_t left, char relation);
  char relation_here() const;
  bool is_joiner_here() const;
  bool is_ratio_word() const;

  // parser_postfix.cpp
  std::optional<int32_t> postfix(int32_t left, int binding);
  int32_t degrees(int32_t left);
  std::optional<int32_t> with_minutes(int32_t degrees);
  size_t primes_ahead(size_t at, size_t count) const;
  int32_t subscripted(int32_t left);
  int32_t raised(int32_t left);
  bool is_plain_word() const;
  int32_t first_letter();

  // parser_units.cpp
  std::optional<int32_t> unit(int32_t left);
  std::optional<int32_t> scaled_by_word(int32_t left);
  std::optional<int32_t> unit_or_remark(int32_t left);
  std::string unit_name();
  std::optional<std::string> half_of_day();
  int32_t mixed_quantity(int32_t left);
  int32_t with_condition(int32_t left, const std::string& remark);

  // parser_operands.cpp
  int32_t operand();
  std::optional<int32_t> value_in_words(const std::string& words);
  int32_t words_or_list(const std::string& words);
  int32_t number();
  struct ProperFraction {
    Rational value;
    size_t num_tokens;
  };
  std::optional<ProperFraction> proper_fraction_here() const;
  bool take_prime();
  int32_t letter();
  int32_t word();

  // parser_commands.cpp
  int32_t command();
  std::optional<int32_t> named_command(const std::string& name);
  int32_t command_run_into_next(const std::string& name);
  int32_t plus_minus(const std::string& name);
  int32_t pointed_group();
  int32_t fraction();
  int32_t root();
  int32_t binomial();
  int32_t decorated(const std::string& name);
  std::optional<int32_t> conjugate();
  int32_t braced_or_single();
  std::string raw_group();

  // parser_functions.cpp
  int32_t function(const std::string& name);
  int32_t function_argument();
  std::optional<int32_t> derivative();
  std::string differential(size_t at) const;
  int32_t big_operator(const std::string& name);
  int32_t integral();
  int32_t limit();

  // parser_brackets.cpp
  int32_t bracketed();
  std::optional<int32_t> conditional_event();
  int32_t braces();
  int32_t finite_set();
  int32_t between_bars();
  int32_t rounded(const std::string& name);
  int32_t environment(const std::string& name);

  // nodes
  int32_t make(NodeKind kind, std::vector<int32_t> kids, std::string name = "");
  void deepen(Node& node, int32_t kid) const;
  int32_t make_number(const Rational& value, bool is_decimal = false);

  // tokens
  const Token& here() const { return tokens_[at_]; }
  const Token& ahead(size_t n = 1) const {
    return tokens_[at_ + n < tokens_.size() ? at_ + n : tokens_.size() - 1];
  }
  bool is_symbol(std::string_view text) const {
    if (text.size() == 1) return here().sign == text[0];
    return here().kind == TokenKind::symbol && here().text == text;
  }
  bool is_command(std::string_view text) const {
    return here().kind == TokenKind::command && here().text == text;
  }
  bool take_symbol(std::string_view text);
  void expect_symbol(std::string_view text);
  [[noreturn]] void fail(const std::string& what) const;

  struct Depth {
    explicit Depth(Parser& owner);
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  std::vector<Token>& tokens_;
  ParseOptions options_;
  size_t at_ = 0;
  int depth_ = 0;
  int num_words_ = 0;
  int num_bars_ = 0;                 // open |, where the next | closes
  int num_integrals_ = 0;            // open \int, where dx closes
  std::vector<int32_t> bold_;        // symbols of vectors and matrices: \vec{a}, \mathbf{A}
  std::vector<int32_t> conditions_;  // in brackets behind the answer: (k \in \mathbb{Z})
  bool is_reversed_ = false;         // directly in ]a, b[, where [ closes
  bool is_builder_ = false;          // directly in \{ ... |, where | and : separate
  Tree tree_;
};

}  // namespace gradus::rewards::math
