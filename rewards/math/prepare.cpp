#include "rewards/math/prepare.h"

#include <functional>
#include <utility>

#include "rewards/math/rewriting.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kMaxDeterminant = 5;
constexpr size_t kMaxCells = 400;

int32_t make(Tree& tree, NodeKind kind, std::vector<int32_t> kids, std::string name = "") {
  Node node;
  node.kind = kind;
  node.kids = std::move(kids);
  node.name = std::move(name);
  return tree.add(std::move(node));
}

/// A copy in which every plus-minus is an addition (sign 1) or a subtraction (-1).
int32_t with_sign(Tree& tree, int32_t id, int sign) {
  Node node = tree.at(id);
  for (int32_t& kid : node.kids) kid = with_sign(tree, kid, sign);
  if (node.kind != NodeKind::plus_minus) return tree.add(std::move(node));
  const bool is_plus = (node.value.sign() > 0) == (sign > 0);
  if (!is_plus) node.kids[1] = make(tree, NodeKind::negate, {node.kids[1]});
  const Node& left = tree.at(node.kids[0]);
  if (left.kind == NodeKind::number && left.value.is_zero()) return node.kids[1];
  return make(tree, NodeKind::add, node.kids);
}

size_t num_columns(const Node& matrix) {
  return static_cast<size_t>(matrix.value.small_integer().value_or(1));
}

int32_t make_matrix(Tree& tree, std::vector<int32_t> cells, size_t columns) {
  const int32_t id = make(tree, NodeKind::matrix, std::move(cells));
  tree.at(id).value = Rational(static_cast<int64_t>(columns));
  return id;
}

int32_t transposed(Tree& tree, int32_t id) {
  const std::vector<int32_t> cells = tree.at(id).kids;
  const size_t columns = num_columns(tree.at(id));
  const size_t rows = cells.size() / columns;
  std::vector<int32_t> turned;
  for (size_t c = 0; c < columns; ++c) {
    for (size_t r = 0; r < rows; ++r) turned.push_back(cells[r * columns + c]);
  }
  return make_matrix(tree, std::move(turned), rows);
}

int32_t determinant(Tree& tree, const std::vector<int32_t>& cells, size_t size) {
  if (size == 1) return cells[0];
  std::vector<int32_t> terms;
  for (size_t c = 0; c < size; ++c) {
    std::vector<int32_t> minor;
    for (size_t i = size; i < cells.size(); ++i) {
      if (i % size != c) minor.push_back(cells[i]);
    }
    const int32_t product =
        make(tree, NodeKind::multiply, {cells[c], determinant(tree, minor, size - 1)});
    terms.push_back(c % 2 == 0 ? product : make(tree, NodeKind::negate, {product}));
  }
  return make(tree, NodeKind::add, std::move(terms));
}

bool is_matrix(const Tree& tree, int32_t id) {
  return tree.at(id).kind == NodeKind::matrix;
}

/// The product of two factors of which one at least is a matrix; -1 where the sizes do not fit.
int32_t matrix_product(Tree& tree, int32_t a, int32_t b) {
  if (!is_matrix(tree, a) || !is_matrix(tree, b)) {
    const int32_t scalar = is_matrix(tree, a) ? b : a;
    const Node matrix = tree.at(is_matrix(tree, a) ? a : b);
    std::vector<int32_t> cells;
    for (const int32_t cell : matrix.kids) {
      cells.push_back(make(tree, NodeKind::multiply, {scalar, cell}));
    }
    return make_matrix(tree, std::move(cells), num_columns(matrix));
  }
  const Node left = tree.at(a);
  const Node right = tree.at(b);
  const size_t inner = num_columns(left);
  const size_t columns = num_columns(right);
  if (right.kids.size() / columns != inner) return -1;
  const size_t rows = left.kids.size() / inner;
  if (rows * columns * inner > kMaxCells * 8) return -1;
  std::vector<int32_t> cells;
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      std::vector<int32_t> terms;
      for (size_t k = 0; k < inner; ++k) {
        terms.push_back(make(tree, NodeKind::multiply,
                             {left.kids[r * inner + k], right.kids[k * columns + c]}));
      }
      cells.push_back(terms.size() == 1 ? terms[0] : make(tree, NodeKind::add, std::move(terms)));
    }
  }
  return make_matrix(tree, std::move(cells), columns);
}

int32_t matrix_sum(Tree& tree, const std::vector<int32_t>& kids) {
  std::vector<int32_t> cells;
  const Node first = tree.at(kids[0]);
  for (size_t i = 0; i < first.kids.size(); ++i) {
    std::vector<int32_t> terms;
    for (const int32_t kid : kids) {
      if (!is_matrix(tree, kid) || tree.at(kid).kids.size() != first.kids.size()) return -1;
      terms.push_back(tree.at(kid).kids[i]);
    }
    cells.push_back(make(tree, NodeKind::add, std::move(terms)));
  }
  return make_matrix(tree, std::move(cells), num_columns(first));
}

/// The inverse by cofactors, of at most three rows; -1 for others.
int32_t inverse(Tree& tree, int32_t id) {
  const std::vector<int32_t> cells = tree.at(id).kids;
  const size_t size = num_columns(tree.at(id));
  if (size * size != cells.size() || size > 3) return -1;
  const int32_t whole = determinant(tree, cells, size);
  std::vector<int32_t> inverted;
  for (size_t r = 0; r < size; ++r) {
    for (size_t c = 0; c < size; ++c) {
      std::vector<int32_t> minor;  // without column r and row c: cofactors are transposed
      for (size_t i = 0; i < cells.size(); ++i) {
        if (i % size != r && i / size != c) minor.push_back(cells[i]);
      }
      Node one;
      one.value = Rational((r + c) % 2 == 0 ? 1 : -1);
      int32_t cofactor = tree.add(std::move(one));
      if (size > 1) {
        cofactor = make(tree, NodeKind::multiply, {cofactor, determinant(tree, minor, size - 1)});
      }
      inverted.push_back(make(tree, NodeKind::divide, {cofactor, whole}));
    }
  }
  return make_matrix(tree, std::move(inverted), size);
}

/// A matrix to an integer power from -1 to 8; -1 for others.
int32_t matrix_power(Tree& tree, int32_t id, const Node& exponent) {
  const bool is_inverse = exponent.kind == NodeKind::negate &&
                          tree.at(exponent.kids[0]).kind == NodeKind::number &&
                          tree.at(exponent.kids[0]).value.is_one();
  if (is_inverse) return inverse(tree, id);
  const auto power =
      exponent.kind == NodeKind::number ? exponent.value.small_integer() : std::nullopt;
  if (!power || *power < 1 || *power > 8) return -1;
  int32_t result = id;
  for (int64_t i = 1; i < *power && result >= 0; ++i) result = matrix_product(tree, result, id);
  return result;
}

/// Works out matrices below a node whose kids are done.
int32_t with_matrices(Tree& tree, int32_t id) {
  const Node node = tree.at(id);
  bool has_matrix = false;
  for (const int32_t kid : node.kids) has_matrix = has_matrix || is_matrix(tree, kid);
  if (node.kind == NodeKind::matrix && node.name == "det") {
    const size_t size = num_columns(node);
    if (size * size != node.kids.size() || size > kMaxDeterminant) return id;
    return determinant(tree, node.kids, size);
  }
  if (!has_matrix) return id;
  if (node.kind == NodeKind::call && node.name == "transpose")
    return transposed(tree, node.kids[0]);
  if (node.kind == NodeKind::call && (node.name == "det" || node.name == "abs")) {
    const Node matrix = tree.at(node.kids[0]);
    const size_t size = num_columns(matrix);
    if (size * size != matrix.kids.size() || size > kMaxDeterminant) return id;
    return determinant(tree, matrix.kids, size);
  }
  int32_t result = id;
  if (node.kind == NodeKind::power && is_matrix(tree, node.kids[0])) {
    result = matrix_power(tree, node.kids[0], tree.at(node.kids[1]));
  } else if (node.kind == NodeKind::multiply) {
    result = node.kids[0];
    for (size_t i = 1; i < node.kids.size() && result >= 0; ++i) {
      const bool concerns = is_matrix(tree, result) || is_matrix(tree, node.kids[i]);
      result = concerns ? matrix_product(tree, result, node.kids[i])
                        : make(tree, NodeKind::multiply, {result, node.kids[i]});
    }
  } else if (node.kind == NodeKind::divide && is_matrix(tree, node.kids[0])) {
    Node one;
    one.value = Rational(1);
    const int32_t inverse = make(tree, NodeKind::divide, {tree.add(std::move(one)), node.kids[1]});
    result = matrix_product(tree, node.kids[0], inverse);
  } else if (node.kind == NodeKind::negate) {
    Node minus;
    minus.value = Rational(-1);
    result = matrix_product(tree, node.kids[0], tree.add(std::move(minus)));
  } else if (node.kind == NodeKind::add) {
    result = matrix_sum(tree, node.kids);
  }
  return result < 0 ? id : result;
}

int32_t shortened(Tree& tree, int32_t id) {
  Node node = tree.at(id);
  const NodeKind first = tree.at(node.kids[0]).kind;
  const bool is_name = first == NodeKind::symbol || first == NodeKind::call;
  const bool names_value = node.kids.size() == 2 && node.name == "~" && is_name;
  const size_t cut = names_value ? std::string::npos : node.name.find('~');
  if (cut != std::string::npos) {
    node.name.resize(cut);
    node.kids.resize(cut + 1);
  }
  for (char& c : node.name) {
    if (c == '~') c = '=';
  }
  if (node.kids.size() == 1) return node.kids[0];
  if (node.kids.size() > 2 && node.name.find_first_not_of('=') == std::string::npos) {
    node.kids = {node.kids.front(), node.kids.back()};
    node.name = "=";
  }
  return tree.add(std::move(node));
}

void collect_items(const Tree& tree, int32_t id, const std::string& name,
                   std::vector<int32_t>& items) {
  const Node& node = tree.at(id);
  const bool is_same = node.kind == NodeKind::list && (node.name == name || node.name != ";");
  if (!is_same) {
    items.push_back(id);
    return;
  }
  for (const int32_t kid : node.kids) collect_items(tree, kid, name, items);
}

int32_t prepared_node(Tree& tree, int32_t id) {
  for (size_t i = 0; i < tree.at(id).kids.size(); ++i) {
    const int32_t kid = prepared_node(tree, tree.at(id).kids[i]);
    tree.at(id).kids[i] = kid;
  }
  if (tree.at(id).kind == NodeKind::relation) {
    apply_names(tree, id);
    id = shortened(tree, id);
  }
  expand_dots(tree, id);
  return with_matrices(tree, id);
}

/// "p=5,q=2;p=7,q=2" is a list of two tuples.
int32_t as_tuple(Tree& tree, int32_t id) {
  const Node node = tree.at(id);
  if (node.kind != NodeKind::list) return id;
  return make(tree, NodeKind::group, node.kids, "()");
}

/// A(1, 2) says that A = (1, 2).
int32_t as_named_point(Tree& tree, int32_t id) {
  const Node node = tree.at(id);
  if (node.kind != NodeKind::multiply || node.kids.size() != 2) return id;
  const Node& name = tree.at(node.kids[0]);
  const Node& point = tree.at(node.kids[1]);
  const bool is_capital =
      name.kind == NodeKind::symbol && name.name[0] >= 'A' && name.name[0] <= 'Z';
  if (!is_capital || point.kind != NodeKind::group || point.name != "()") return id;
  return make(tree, NodeKind::relation, node.kids, "=");
}

}  // namespace

bool contains(const Tree& tree, int32_t id, NodeKind kind) {
  std::vector<int32_t> open{id};
  while (!open.empty()) {
    const Node& node = tree.at(open.back());
    open.pop_back();
    if (node.kind == kind) return true;
    open.insert(open.end(), node.kids.begin(), node.kids.end());
  }
  return false;
}

bool has_decimal(const Tree& tree, int32_t id) {
  std::vector<int32_t> open{id};
  while (!open.empty()) {
    const Node& node = tree.at(open.back());
    open.pop_back();
    if (node.is_decimal) return true;
    open.insert(open.end(), node.kids.begin(), node.kids.end());
  }
  return false;
}

std::set<std::string> symbols_in(const Tree& tree, int32_t id) {
  std::set<std::string> names;
  std::vector<int32_t> open{id};
  while (!open.empty()) {
    const Node& node = tree.at(open.back());
    open.pop_back();
    if (node.kind == NodeKind::symbol) names.insert(node.name);
    open.insert(open.end(), node.kids.begin(), node.kids.end());
  }
  return names;
}

int32_t copied(const Tree& from, int32_t id, Tree& to) {
  Node node = from.at(id);
  for (int32_t& kid : node.kids) kid = copied(from, kid, to);
  return to.add(std::move(node));
}

int32_t prepared(Tree& tree, int32_t id) {
  id = prepared_node(tree, id);
  const Node node = tree.at(id);
  if (node.kind == NodeKind::list && node.name == ";") {
    std::vector<int32_t> rows;
    for (const int32_t kid : node.kids) rows.push_back(as_tuple(tree, kid));
    return make(tree, NodeKind::list, std::move(rows), ",");
  }
  std::vector<int32_t> items;
  collect_items(tree, id, node.kind == NodeKind::list ? node.name : ",", items);
  std::vector<int32_t> cases;
  for (int32_t item : items) {
    item = as_named_point(tree, item);
    if (contains(tree, item, NodeKind::plus_minus)) {
      cases.push_back(with_sign(tree, item, 1));
      cases.push_back(with_sign(tree, item, -1));
    } else {
      cases.push_back(item);
    }
  }
  if (cases.size() == 1) return cases[0];
  return make(tree, NodeKind::list, std::move(cases),
              node.kind == NodeKind::list ? node.name : ",");
}

int32_t without_domains(Tree& tree, int32_t id, Domains& domains) {
  const Node node = tree.at(id);
  if (node.kind != NodeKind::list) return id;
  std::set<std::string> used;
  std::set<std::string> bounded;
  std::vector<int32_t> rest;
  std::vector<int32_t> said;
  for (const int32_t kid : node.kids) {
    const Node& item = tree.at(kid);
    const bool is_domain = item.kind == NodeKind::element_of &&
                           tree.at(item.kids[0]).kind == NodeKind::symbol &&
                           tree.at(item.kids[1]).kind == NodeKind::constant;
    (is_domain ? said : rest).push_back(kid);
    if (!is_domain) used.merge(symbols_in(tree, kid));
    // x > 2 with x in Z says less than x > 2.
    const bool is_inequality =
        item.kind == NodeKind::relation && item.name.find_first_of("<>lg") != std::string::npos;
    if (is_inequality) bounded.merge(symbols_in(tree, kid));
  }
  for (const int32_t domain : said) {
    const Node& item = tree.at(domain);
    const std::string& name = tree.at(item.kids[0]).name;
    if (used.count(name) == 0) return id;  // x \in R is an answer of its own
    if (bounded.count(name) > 0 && tree.at(item.kids[1]).name != "set R") return id;
  }
  if (said.empty() || rest.empty()) return id;
  for (const int32_t domain : said) {
    const Node& item = tree.at(domain);
    domains.emplace_back(tree.at(item.kids[0]).name, tree.at(item.kids[1]).name);
  }
  return rest.size() == 1 ? rest[0] : make(tree, NodeKind::list, std::move(rest), node.name);
}

}  // namespace gradus::rewards::math
