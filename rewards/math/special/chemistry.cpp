#include "rewards/math/special/chemistry.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kLongestFormula = 400;
constexpr std::string_view kArrow = ">";
constexpr std::string_view kBothWays = "~";

/// Symbols of the elements, each between spaces.
constexpr std::string_view kElements =
    " H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se "
    "Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy "
    "Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm ";

bool is_element(std::string_view symbol) {
  return kElements.find(" " + std::string(symbol) + " ") != std::string_view::npos;
}

/// A formula or reaction as plain signs: H2SO4, Fe^3+, 2H2+O2>2H2O. `is_marked` tells of \ce and
/// \mathrm.
std::string plain_formula(std::string_view text, bool& is_marked) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      const std::string_view name = command_name(text, i);
      const size_t end = i + 1 + name.size();
      if (name == "to" || name == "rightarrow" || name == "longrightarrow") {
        plain += kArrow;
      } else if (name == "rightleftharpoons" || name == "leftrightarrow") {
        plain += kBothWays;
      } else if (name == "ce" || name == "mathrm" || name == "text" || name == "rm" ||
                 name == "mathbf" || name == "textbf") {
        is_marked = true;
      } else if (name == "cdot") {
        plain += '.';
      } else if (!name.empty() && name != "left" && name != "right" && name != "quad") {
        return "";
      }
      i = name.empty() ? i + 1 : end - 1;
    } else if (text.substr(i, 3) == "→") {
      plain += kArrow;
      i += 2;
    } else if (c == '-' && text.substr(i, 2) == "->") {
      plain += kArrow;
      ++i;
    } else if (c != '{' && c != '}' && c != '_' && c != '$' && c != ' ') {
      plain += c;
    }
  }
  return plain;
}

struct Formula {
  std::string text;  // without the coefficient
  std::string coefficient = "1";
  std::map<std::string, int> counts;  // of elements
  size_t num_symbols = 0;
  bool has_count = false;        // an index of 2 or more
  bool has_one = false;          // an index of 1, as no chemist writes it
  bool has_long_symbol = false;  // Na, Cl
  bool is_charged = false;
};

class FormulaReader {
 public:
  explicit FormulaReader(std::string_view text) : text_(text) {}

  std::optional<Formula> read() && {
    Formula formula;
    const size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
    if (digits > 0) formula.coefficient = text_.substr(0, digits);
    at_ = digits;
    formula.text = text_.substr(at_);
    std::erase(formula.text, '^');
    if (!group(formula, 0) || !state() || !charge(formula) || !state()) return std::nullopt;
    if (at_ != text_.size() || formula.counts.empty()) return std::nullopt;
    return formula;
  }

 private:
  char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool count(Formula& formula, int& number) {
    const size_t begin = at_;
    while (is_digit(here())) ++at_;
    number = 1;
    if (at_ == begin) return true;
    if (at_ - begin > 3) return false;
    number = std::stoi(std::string(text_.substr(begin, at_ - begin)));
    formula.has_one = formula.has_one || number <= 1;
    formula.has_count = formula.has_count || number > 1;
    return number > 0;
  }

  bool group(Formula& formula, int depth) {
    if (depth > 4) return false;
    while (at_ < text_.size()) {
      if (here() == '(' && !is_state()) {
        ++at_;
        if (!group(formula, depth + 1) || here() != ')') return false;
        ++at_;
        int number = 0;
        if (!count(formula, number)) return false;
      } else if (here() == '.' && depth == 0) {
        ++at_;
        while (is_digit(here())) ++at_;
      } else if (here() >= 'A' && here() <= 'Z') {
        const std::string two(text_.substr(at_, 2));
        const bool is_long = two.size() == 2 && two[1] >= 'a' && two[1] <= 'z';
        const std::string symbol = is_long ? two : two.substr(0, 1);
        if (!is_element(symbol)) return false;
        at_ += symbol.size();
        formula.has_long_symbol = formula.has_long_symbol || is_long;
        int number = 0;
        if (!count(formula, number)) return false;
        formula.counts[symbol] += number;
        ++formula.num_symbols;
      } else {
        break;
      }
    }
    return true;
  }

  bool is_state() const {
    for (const std::string_view state : {"(aq)", "(s)", "(l)", "(g)"}) {
      if (text_.substr(at_, state.size()) == state) return true;
    }
    return false;
  }

  bool state() {
    if (is_state()) at_ = text_.find(')', at_) + 1;
    return true;
  }

  /// ^{2+}, ^+, and + or - at the end.
  bool charge(Formula& formula) {
    if (here() == '^')
      ++at_;
    else if (here() != '+' && here() != '-')
      return true;
    while (is_digit(here())) ++at_;
    if (here() != '+' && here() != '-') return false;
    ++at_;
    return formula.is_charged = true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

struct Reaction {
  std::vector<std::vector<Formula>> sides;
  std::string arrow;
  bool is_marked = false;
};

std::optional<std::vector<Formula>> read_side(std::string_view text) {
  std::vector<Formula> side;
  for (size_t begin = 0; begin <= text.size();) {
    // A plus within a charge (Na^+, Fe^2+) parts nothing.
    size_t end = text.find('+', begin);
    while (end != std::string_view::npos && end > begin) {
      const size_t before = text.find_last_not_of("0123456789", end - 1);
      const bool is_charge = before != std::string_view::npos && text[before] == '^';
      if (!is_charge && end + 1 < text.size()) break;
      end = end + 1 < text.size() ? text.find('+', end + 1) : std::string_view::npos;
    }
    auto formula = FormulaReader(text.substr(begin, end - begin)).read();
    if (!formula) return std::nullopt;
    side.push_back(std::move(*formula));
    if (end == std::string_view::npos) break;
    begin = end + 1;
  }
  return side;
}

std::optional<Reaction> read_reaction(std::string_view text) {
  if (text.empty() || text.size() > kLongestFormula) return std::nullopt;
  Reaction reaction;
  const std::string plain = plain_formula(bare(text), reaction.is_marked);
  if (plain.empty() || plain.find_first_of("=<*/,;:!") != std::string::npos) return std::nullopt;
  const size_t arrow = plain.find_first_of(">~");
  const auto left = read_side(plain.substr(0, arrow));
  if (!left) return std::nullopt;
  reaction.sides.push_back(*left);
  if (arrow == std::string::npos) return reaction;
  const auto right = read_side(plain.substr(arrow + 1));
  if (!right) return std::nullopt;
  reaction.arrow = plain.substr(arrow, 1);
  reaction.sides.push_back(*right);
  return reaction;
}

/// Whether a text that can be read as a formula is one: letters alone may be variables.
bool is_certain(const Reaction& reaction) {
  if (!reaction.arrow.empty()) return true;
  if (reaction.sides[0].size() != 1) return false;
  const Formula& formula = reaction.sides[0][0];
  if (formula.has_one || formula.coefficient != "1") return false;
  if (formula.is_charged) return true;  // Na^+: no sum ends in a sign
  const bool is_sole = reaction.is_marked && formula.num_symbols == 1;  // \text{O}_2
  return formula.has_count && (formula.counts.size() > 1 || is_sole);
}

std::vector<std::string> substances(const std::vector<Formula>& side) {
  std::vector<std::string> texts;
  for (const Formula& formula : side) texts.push_back(formula.coefficient + " " + formula.text);
  std::sort(texts.begin(), texts.end());
  return texts;
}

bool is_one_formula(const Reaction& reaction) {
  return reaction.arrow.empty() && reaction.sides[0].size() == 1;
}

/// CO is no Co and Au no AU; but "No" and "He" may be words, and BUS is one in any case.
bool is_other_case(const Reaction& wanted, std::string_view answer) {
  if (!is_one_formula(wanted)) return false;
  bool is_marked = false;
  const std::string given = plain_formula(bare(answer), is_marked);
  const std::string& symbols = wanted.sides[0][0].text;
  if (given == symbols || lower_case(given) != lower_case(symbols)) return false;
  for (const std::string_view word : {"No", "In", "As", "At", "Be", "He", "Am", "I"}) {
    if (symbols == word) return false;
  }
  const bool has_sign =
      std::any_of(symbols.begin(), symbols.end(), [](char c) { return !is_letter(c); });
  const bool is_long = wanted.sides[0][0].has_long_symbol && wanted.sides[0][0].counts.size() > 1;
  const bool has_formula = (has_sign || is_long) && wanted.sides[0][0].counts.size() > 1;
  return symbols.size() == 2 || has_formula || FormulaReader(given).read().has_value();
}

}  // namespace

std::optional<bool> same_chemistry(std::string_view gold, std::string_view answer) {
  const auto wanted = read_reaction(gold);
  if (!wanted) return std::nullopt;
  if (is_other_case(*wanted, answer)) return false;
  const auto given = read_reaction(answer);
  if (!given) return std::nullopt;
  const bool is_same =
      wanted->arrow == given->arrow && wanted->sides.size() == given->sides.size() &&
      substances(wanted->sides[0]) == substances(given->sides[0]) &&
      (wanted->sides.size() < 2 || substances(wanted->sides[1]) == substances(given->sides[1]));
  if (is_same && (is_certain(*wanted) || is_certain(*given))) return true;
  if (is_one_formula(*wanted) && is_one_formula(*given)) {
    const std::string& a = wanted->sides[0][0].text;
    const std::string& b = given->sides[0][0].text;
    const bool is_other = wanted->sides[0][0].counts != given->sides[0][0].counts ||
                          wanted->sides[0][0].is_charged != given->sides[0][0].is_charged;
    if (is_certain(*wanted) && is_other) return false;
    const bool is_exact = wanted->is_marked || wanted->sides[0][0].is_charged;
    if (is_certain(*wanted) && is_exact) return a == b;
    return std::nullopt;
  }
  return is_certain(*wanted) ? std::optional(is_same) : std::nullopt;
}

}  // namespace gradus::rewards::math
