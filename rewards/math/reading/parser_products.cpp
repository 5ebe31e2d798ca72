#include <algorithm>

#include "rewards/math/reading/parser_impl.h"

// Products in which the order of the factors counts. Their calls are "cross" (a vector is known by
// its arrow or bold type), "cross?" (of plain letters, where nobody knows), "product" (of matrices)
// and the operators' own names; a comparison turns them into plain products where one side alone
// says so.

namespace gradus::rewards::math {
namespace {

bool is_inverse_or_transposed(const Tree& tree, const Node& node) {
  if (node.kind != NodeKind::power) return false;
  const Node& exponent = tree.at(node.kids[1]);
  if (exponent.kind == NodeKind::symbol) {
    return exponent.name == "T" || exponent.name == "top" || exponent.name == "intercal" ||
           exponent.name == "dagger";
  }
  const Node* number = exponent.kind == NodeKind::negate ? &tree.at(exponent.kids[0]) : nullptr;
  return number != nullptr && number->kind == NodeKind::number && number->value.is_one();
}

}  // namespace

/// A vector, or a sum, multiple or cross product of vectors.
bool Parser::is_vector(int32_t id) const {
  const Node& node = tree_.at(id);
  if (node.kind == NodeKind::symbol) {
    return std::find(bold_.begin(), bold_.end(), id) != bold_.end();
  }
  if (node.kind == NodeKind::call) return node.name == "cross";
  if (node.kind != NodeKind::add && node.kind != NodeKind::negate &&
      node.kind != NodeKind::multiply) {
    return false;
  }
  return std::any_of(node.kids.begin(), node.kids.end(),
                     [&](int32_t kid) { return is_vector(kid); });
}

/// Letters that name matrices rather than physical quantities.
bool Parser::is_matrix_letter(int32_t id) const {
  const Node& node = tree_.at(id);
  constexpr std::string_view kLetters = "ABCDJPQSUXYZ";
  return node.kind == NodeKind::symbol && kLetters.find(node.name[0]) != std::string_view::npos;
}

/// \mathbf{A}, A^{-1}, A^T.
bool Parser::is_matrix_like(int32_t id) const {
  const Node& node = tree_.at(id);
  if (node.kind == NodeKind::call) return node.name == "product";
  if (node.kind == NodeKind::symbol) {
    return is_vector(id) && node.name[0] >= 'A' && node.name[0] <= 'Z';
  }
  if (!is_inverse_or_transposed(tree_, node)) return false;
  return is_matrix_letter(node.kids[0]) || is_matrix_like(node.kids[0]);
}

/// A, and AP as letters side by side.
bool Parser::are_matrix_letters(int32_t id) const {
  const Node& node = tree_.at(id);
  if (node.kind != NodeKind::multiply || node.is_bracketed) return is_matrix_letter(id);
  return std::all_of(node.kids.begin(), node.kids.end(),
                     [&](int32_t kid) { return is_matrix_letter(kid); });
}

std::vector<int32_t> Parser::factors_of_product(int32_t id) const {
  const Node& node = tree_.at(id);
  const bool is_product =
      (node.kind == NodeKind::call && node.name == "product") || node.kind == NodeKind::multiply;
  return is_product ? node.kids : std::vector<int32_t>{id};
}

/// Letters run together of which each can be a matrix.
std::optional<int32_t> Parser::ordered_letters(const std::vector<int32_t>& letters) {
  for (const int32_t letter : letters) {
    if (!is_matrix_letter(letter) && !is_matrix_like(letter)) return std::nullopt;
  }
  return make(NodeKind::call, letters, "product");
}

/// `product` with another last factor.
int32_t Parser::replaced_last(int32_t product, int32_t factor) {
  std::vector<int32_t> factors = tree_.at(product).kids;
  factors.back() = factor;
  return make(NodeKind::multiply, std::move(factors));
}

/// The product of matrices side by side; nullopt where the factors are numbers.
std::optional<int32_t> Parser::ordered_product(int32_t left, int32_t right) {
  const Node& before = tree_.at(left);
  const bool is_open = before.kind == NodeKind::multiply && !before.is_bracketed;
  const int32_t last = is_open ? before.kids.back() : left;
  const bool left_is = is_matrix_like(last);
  const bool right_is = is_matrix_like(right);
  if (!(left_is && right_is) && !(left_is && are_matrix_letters(right)) &&
      !(right_is && is_matrix_letter(last))) {
    return std::nullopt;
  }
  std::vector<int32_t> factors = factors_of_product(last);
  for (const int32_t factor : factors_of_product(right)) factors.push_back(factor);
  const int32_t product = make(NodeKind::call, std::move(factors), "product");
  return is_open ? replaced_last(left, product) : product;
}

/// \times: a cross product of vectors, else a product.
int32_t Parser::crossed(int32_t left) {
  ++at_;
  const int32_t right = expression(kUnary);
  const Node& before = tree_.at(left);
  const bool is_open = before.kind == NodeKind::multiply && !before.is_bracketed;
  const int32_t last = is_open ? before.kids.back() : left;
  const bool are_vectors = is_vector(last) && is_vector(right);
  const bool are_letters = tree_.at(last).kind == NodeKind::symbol &&
                           tree_.at(right).kind == NodeKind::symbol && !are_vectors;
  if (!are_vectors && !are_letters) return joined(NodeKind::multiply, left, right);
  const int32_t product = make(NodeKind::call, {last, right}, are_vectors ? "cross" : "cross?");
  return is_open ? replaced_last(left, product) : product;
}

/// f \circ g, A \otimes B.
int32_t Parser::ordered_operation(int32_t left) {
  const std::string name(here().text);
  ++at_;
  return make(NodeKind::call, {left, expression(kUnary)}, name);
}

}  // namespace gradus::rewards::math
