#include "rewards/answers/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "rewards/answers/math_text.h"

namespace gradus::rewards {
namespace {

using boost::multiprecision::cpp_int;

constexpr size_t kMaxTextBytes = 20'000;
constexpr size_t kMaxDigits = 10'000;
constexpr int kMaxExponent = 10'000;
constexpr size_t kMaxBrackets = 50;

cpp_int power_of_ten(int exponent) {
  return boost::multiprecision::pow(cpp_int(10), static_cast<unsigned>(exponent));
}

// Leading zeros go first: boost reads "010" as octal.
cpp_int integer_of(std::string_view digits) {
  const auto begin = digits.find_first_not_of('0');
  return begin == std::string_view::npos ? cpp_int(0) : cpp_int(std::string(digits.substr(begin)));
}

/// Digits with their point: value = digits / 10^num_decimals.
struct Decimal {
  std::string digits;
  int num_decimals = 0;
  bool is_integer = false;  // written without a point

  Rational value() const { return {integer_of(digits), power_of_ten(num_decimals)}; }
};

struct UnitName {
  const char* text;
  const char* name;
};

constexpr std::array kUnitNames{
    UnitName{"centimeter", "cm"}, UnitName{"centimetre", "cm"}, UnitName{"cm", "cm"},
    UnitName{"millimeter", "mm"}, UnitName{"mm", "mm"},         UnitName{"meter", "m"},
    UnitName{"metre", "m"},       UnitName{"m", "m"},           UnitName{"kilometer", "km"},
    UnitName{"kilometre", "km"},  UnitName{"km", "km"},         UnitName{"inche", "inch"},
    UnitName{"inch", "inch"},     UnitName{"in", "inch"},       UnitName{"foot", "ft"},
    UnitName{"feet", "ft"},       UnitName{"ft", "ft"},         UnitName{"mile", "mile"},
    UnitName{"mph", "mph"},       UnitName{"yard", "yard"},     UnitName{"gram", "g"},
    UnitName{"g", "g"},           UnitName{"kilogram", "kg"},   UnitName{"kg", "kg"},
    UnitName{"pound", "pound"},   UnitName{"lb", "pound"},      UnitName{"ounce", "ounce"},
    UnitName{"oz", "ounce"},      UnitName{"liter", "l"},       UnitName{"litre", "l"},
    UnitName{"l", "l"},           UnitName{"ml", "ml"},         UnitName{"milliliter", "ml"},
    UnitName{"second", "s"},      UnitName{"sec", "s"},         UnitName{"s", "s"},
    UnitName{"minute", "min"},    UnitName{"min", "min"},       UnitName{"hour", "h"},
    UnitName{"hr", "h"},          UnitName{"h", "h"},           UnitName{"day", "day"},
    UnitName{"week", "week"},     UnitName{"month", "month"},   UnitName{"year", "year"},
    UnitName{"dollar", ""},       UnitName{"usd", ""},          UnitName{"euro", ""},
    UnitName{"eur", ""},          UnitName{"degree", "deg"},    UnitName{"deg", "deg"},
    UnitName{"unit", ""},
};

// Words that make the text before them a part of a formula or of a choice.
bool is_no_unit(std::string_view word) {
  constexpr std::array<std::string_view, 16> kWords{"or",  "and", "not", "pi",  "sqrt", "sin",
                                                    "cos", "tan", "log", "ln",  "exp",  "mod",
                                                    "x",   "to",  "if",  "then"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

const UnitName* known_unit(std::string word) {
  const auto find = [](const std::string& text) -> const UnitName* {
    for (const UnitName& unit : kUnitNames) {
      if (text == unit.text) return &unit;
    }
    return nullptr;
  };
  if (const UnitName* unit = find(word)) return unit;
  if (!word.ends_with('s')) return nullptr;
  word.pop_back();
  return find(word);
}

std::optional<int> scale_exponent(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, int>, 5> kScales{
      {{"hundred", 2}, {"thousand", 3}, {"million", 6}, {"billion", 9}, {"trillion", 12}}};
  for (const auto& [name, exponent] : kScales) {
    if (word == name) return exponent;
  }
  return std::nullopt;
}

/// A hand-written reader of one number; every step moves forward, so it is linear.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : text_(text) {}

  std::optional<Number> read() {
    Number number;
    bool is_negative = false;
    if (!read_opening(is_negative)) return std::nullopt;
    auto value = read_value();
    if (!value) return std::nullopt;
    number.value = is_negative ? Rational(-*value) : *value;
    if (!read_closing() || !read_suffix(number)) return std::nullopt;
    skip_spaces();
    if (at_ != text_.size()) return std::nullopt;
    return number;
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_spaces() {
    while (peek() == ' ') ++at_;
  }

  // Signs, brackets and a currency sign in any order: "-$5", "$-5", "(-5)", "-(-5)".
  bool read_opening(bool& is_negative) {
    for (; !at_end(); ++at_) {
      const char c = peek();
      if (c == '-') is_negative = !is_negative;
      if (c == '(' || c == '{') {
        closing_.push_back(c == '(' ? ')' : '}');
        if (closing_.size() > kMaxBrackets) return false;
      }
      if (c != '-' && c != '+' && c != '(' && c != '{' && c != ' ' && c != '$') return true;
    }
    return false;
  }

  bool read_closing() {
    while (!closing_.empty()) {
      skip_spaces();
      if (peek() != closing_.back()) return false;
      closing_.pop_back();
      ++at_;
    }
    return true;
  }

  std::optional<Rational> read_value() {
    if (peek() == '\\') return read_latex_fraction();
    const auto decimal = read_decimal();
    if (!decimal) return std::nullopt;
    Rational value = decimal->value();
    if (take("\\overline")) return read_repeating(*decimal);
    if (const auto power = read_power_of_ten(*decimal)) return *power;
    if (is_refused_) return std::nullopt;
    return read_fraction_after(*decimal, value);
  }

  // `a / b` with a decimal a, or a proper fraction behind an integer.
  std::optional<Rational> read_fraction_after(const Decimal& first, const Rational& value) {
    const size_t mark = at_;
    skip_spaces();
    const bool has_space = at_ > mark;
    if (peek() == '/' && (is_digit(peek(1)) || peek(1) == ' ' || peek(1) == '.')) {
      ++at_;
      skip_spaces();
      const auto denominator = read_decimal();
      if (!denominator || denominator->value() == 0) return refuse();
      return Rational(value / denominator->value());
    }
    if (text_.substr(at_).starts_with("\\frac")) {
      const auto part = read_latex_fraction();
      return first.is_integer && part ? proper_sum(value, *part) : refuse();
    }
    if (has_space && is_digit(peek())) {
      const auto numerator = read_decimal();
      if (!numerator || !take("/")) return refuse();
      const auto denominator = read_decimal();
      const bool are_integers =
          first.is_integer && numerator->is_integer && denominator && denominator->is_integer;
      if (!are_integers || denominator->value() == 0) return refuse();
      return proper_sum(value, numerator->value() / denominator->value());
    }
    at_ = mark;
    return value;
  }

  std::optional<Rational> proper_sum(const Rational& whole, const Rational& part) {
    if (part < 0 || part >= 1) return refuse();
    return Rational(whole + part);
  }

  std::optional<Rational> refuse() {
    is_refused_ = true;
    return std::nullopt;
  }

  std::optional<Rational> read_latex_fraction() {
    if (!take("\\frac")) return refuse();
    const auto numerator = read_argument();
    const auto denominator = numerator ? read_argument() : std::nullopt;
    if (!denominator || *denominator == 0) return refuse();
    return Rational(*numerator / *denominator);
  }

  // `{12}` or, as in TeX, the next digit.
  std::optional<Rational> read_argument() {
    skip_spaces();
    if (is_digit(peek())) return Rational(text_[at_++] - '0');
    if (!take("{")) return std::nullopt;
    skip_spaces();
    const bool is_negative = take("-");
    if (!is_negative) take("+");
    skip_spaces();
    const auto decimal = read_decimal();
    skip_spaces();
    if (!decimal || !take("}")) return std::nullopt;
    return is_negative ? Rational(-decimal->value()) : decimal->value();
  }

  // Behind the point: 0.1 with {6} is 0.1666...: (16 - 1) / (10^2 - 10^1).
  std::optional<Rational> read_repeating(const Decimal& decimal) {
    skip_spaces();
    if (decimal.is_integer || !take("{")) return refuse();
    const size_t begin = at_;
    while (is_digit(peek())) ++at_;
    const std::string period(text_.substr(begin, at_ - begin));
    if (period.empty() || period.size() + decimal.digits.size() > kMaxDigits || !take("}")) {
      return refuse();
    }
    const cpp_int all = integer_of(decimal.digits + period);
    const int length = static_cast<int>(period.size());
    const cpp_int denominator =
        power_of_ten(decimal.num_decimals + length) - power_of_ten(decimal.num_decimals);
    return Rational(all - integer_of(decimal.digits), denominator);
  }

  // `e5`, `* 10^{5}`, `x 10^5`, or the number is 10 itself and `^5` follows.
  std::optional<Rational> read_power_of_ten(const Decimal& decimal) {
    const size_t mark = at_;
    const bool is_ten = decimal.is_integer && decimal.digits == "10";
    if ((peek() == 'e' || peek() == 'E') && is_exponent_at(at_ + 1)) {
      ++at_;
      return scaled(decimal.value(), read_exponent());
    }
    if (is_ten && peek() == '^') {
      ++at_;
      return scaled(1, read_exponent());
    }
    skip_spaces();
    if (take("*") || take("x") || take("X")) {
      skip_spaces();
      if (take("10^")) return scaled(decimal.value(), read_exponent());
    }
    at_ = mark;
    return std::nullopt;
  }

  bool is_exponent_at(size_t at) const {
    if (at < text_.size() && (text_[at] == '+' || text_[at] == '-')) ++at;
    return at < text_.size() && is_digit(text_[at]);
  }

  std::optional<int> read_exponent() {
    const bool has_brace = take("{");
    skip_spaces();
    const bool is_negative = take("-");
    if (!is_negative) take("+");
    const size_t begin = at_;
    while (is_digit(peek())) ++at_;
    int exponent = 0;
    const auto result = std::from_chars(text_.data() + begin, text_.data() + at_, exponent);
    if (result.ec != std::errc() || exponent > kMaxExponent) return std::nullopt;
    skip_spaces();
    if (has_brace && !take("}")) return std::nullopt;
    return is_negative ? -exponent : exponent;
  }

  std::optional<Rational> scaled(const Rational& value, std::optional<int> exponent) {
    if (!exponent) return refuse();
    if (*exponent >= 0) return Rational(value * power_of_ten(*exponent));
    return Rational(value / power_of_ten(-*exponent));
  }

  // Digits with separators. Groups of three digits behind `,` `'` or a space are thousands; a
  // single comma before any other number of digits is a decimal comma.
  std::optional<Decimal> read_decimal() {
    Decimal decimal;
    take_digits(decimal.digits);
    const char separator = peek();
    const size_t first_group = decimal.digits.size();
    if (first_group >= 1 && first_group <= 3) {
      if (separator == ',' || separator == ' ' || separator == '\'')
        read_groups(decimal, separator);
      if (separator == '.' && is_european()) return read_european(decimal);
    }
    decimal.is_integer = !decimal.digits.empty();
    // Inside brackets a comma separates: (7,6) is a point.
    const bool is_decimal_comma = peek() == ',' && is_digit(peek(1)) && !decimal.digits.empty() &&
                                  first_group == decimal.digits.size() && closing_.empty();
    if (peek() == '.' || is_decimal_comma) {
      ++at_;
      const size_t before = decimal.digits.size();
      take_digits(decimal.digits);
      decimal.num_decimals = static_cast<int>(decimal.digits.size() - before);
      decimal.is_integer = false;
    }
    if (decimal.digits.empty() && text_.substr(at_).starts_with("\\overline")) return decimal;
    if (decimal.digits.empty() || decimal.digits.size() > kMaxDigits) return std::nullopt;
    return decimal;
  }

  void take_digits(std::string& digits) {
    const size_t begin = at_;
    while (is_digit(peek())) ++at_;
    digits.append(text_, begin, at_ - begin);
  }

  bool is_group_at(size_t ahead) const {
    return is_digit(peek(ahead)) && is_digit(peek(ahead + 1)) && is_digit(peek(ahead + 2)) &&
           !is_digit(peek(ahead + 3));
  }

  void read_groups(Decimal& decimal, char separator) {
    while (peek() == separator && is_group_at(1) && (separator != ' ' || peek(4) != '/')) {
      ++at_;
      take_digits(decimal.digits);
    }
  }

  // "1.234,56" or "1.234.567": points that only a grouping explains.
  bool is_european() const {
    if (!is_group_at(1)) return false;
    const char next = peek(4);
    return (next == ',' && is_digit(peek(5))) || (next == '.' && is_digit(peek(5)));
  }

  std::optional<Decimal> read_european(Decimal decimal) {
    read_groups(decimal, '.');
    decimal.is_integer = peek() != ',';
    if (take(",")) {
      const size_t before = decimal.digits.size();
      take_digits(decimal.digits);
      decimal.num_decimals = static_cast<int>(decimal.digits.size() - before);
    }
    if (decimal.digits.size() > kMaxDigits) return std::nullopt;
    return decimal;
  }

  bool read_suffix(Number& number) {
    const bool has_space = peek() == ' ';
    skip_spaces();
    if (take("%")) number.is_percent = true;
    while (take("$")) skip_spaces();
    skip_spaces();
    if (at_end()) return true;
    const bool is_loose = has_space || text_[at_ - 1] == ' ' || text_[at_ - 1] == '$';
    return read_unit(number, is_loose);
  }

  bool read_unit(Number& number, bool is_loose) {
    constexpr int kMaxWords = 6;
    for (int count = 0; !at_end(); ++count) {
      if (count == kMaxWords) return false;
      const std::string word = read_word();
      if (word.empty()) return false;
      if (count == 0 && scale_exponent(word)) {
        number.value *= power_of_ten(*scale_exponent(word));
        skip_spaces();
        continue;
      }
      if (word == "percent" || word == "percentage" || word == "pct") {
        number.is_percent = true;
        skip_spaces();
        continue;
      }
      if (!add_unit_word(number, word, is_loose || count > 0)) return false;
      skip_spaces();
    }
    return true;
  }

  bool add_unit_word(Number& number, const std::string& word, bool is_loose) {
    const UnitName* unit = known_unit(word);
    if (unit == nullptr && (!is_loose || word.size() < 2 || is_no_unit(word))) return false;
    std::string name = unit != nullptr ? unit->name : word;
    if (unit == nullptr && name.ends_with('s')) name.pop_back();
    name += read_unit_power();
    if (name.empty()) return true;
    number.unit += (number.unit.empty() ? "" : " ") + name;
    return true;
  }

  std::string read_word() {
    std::string word;
    while (is_letter(peek())) {
      const char c = text_[at_++];
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return word;
  }

  // "cm^2", "cm^{2}", "m/s".
  std::string read_unit_power() {
    std::string power;
    if (peek() == '^' && is_digit(peek(1))) {
      power = "^" + std::string(1, peek(1));
      at_ += 2;
    } else if (peek() == '^' && peek(1) == '{' && is_digit(peek(2)) && peek(3) == '}') {
      power = "^" + std::string(1, peek(2));
      at_ += 4;
    }
    if (peek() == '/' && is_letter(peek(1))) {
      ++at_;
      power += "/" + read_word();
    }
    return power;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<char> closing_;
  bool is_refused_ = false;
};

/// The span of the only number in a phrase, signs, currency and percent with it.
std::optional<std::string_view> sole_number_span(std::string_view text) {
  constexpr std::string_view kFormula = "\\^*+=_()[]{}|<>";
  if (text.find_first_of(kFormula) != std::string_view::npos) return std::nullopt;
  const auto is_part = [&](size_t i) {
    if (is_digit(text[i])) return true;
    const bool is_mark = text[i] == '.' || text[i] == ',' || text[i] == '/';
    return is_mark && i + 1 < text.size() && is_digit(text[i + 1]);
  };
  std::optional<std::string_view> span;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_part(i)) continue;
    if (span || (i > 0 && is_letter(text[i - 1]))) return std::nullopt;
    size_t begin = i;
    while (i < text.size() && is_part(i)) ++i;
    while (begin > 0 && (text[begin - 1] == '$' || text[begin - 1] == '-')) --begin;
    if (i < text.size() && text[i] == '%') ++i;
    // "5km" is for the reader to accept, "5x" and "5!" for it to refuse.
    while (i < text.size() && (is_letter(text[i]) || text[i] == '!')) ++i;
    span = text.substr(begin, i - begin);
  }
  return span;
}

}  // namespace

std::optional<Number> parse_number(std::string_view text) {
  if (text.size() > kMaxTextBytes) return std::nullopt;
  const std::string plain = plain_math_text(undressed(text));
  return NumberReader(undressed(plain)).read();
}

std::optional<Number> sole_number(std::string_view text) {
  if (text.size() > kMaxTextBytes) return std::nullopt;
  const std::string plain = plain_math_text(text);
  const auto span = sole_number_span(plain);
  return span ? parse_number(*span) : std::nullopt;
}

}  // namespace gradus::rewards
