#include "rewards/math/units.h"

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

struct Entry {
  std::string_view name;  // singular, lower case
  std::string_view dimension;
  int64_t numerator;
  uint64_t denominator;
};

constexpr std::array kUnits{Entry{"m", "m", 1, 1},
                            Entry{"meter", "m", 1, 1},
                            Entry{"metre", "m", 1, 1},
                            Entry{"km", "m", 1000, 1},
                            Entry{"kilometer", "m", 1000, 1},
                            Entry{"kilometre", "m", 1000, 1},
                            Entry{"cm", "m", 1, 100},
                            Entry{"centimeter", "m", 1, 100},
                            Entry{"centimetre", "m", 1, 100},
                            Entry{"mm", "m", 1, 1000},
                            Entry{"millimeter", "m", 1, 1000},
                            Entry{"dm", "m", 1, 10},
                            Entry{"inch", "m", 254, 10000},
                            Entry{"inche", "m", 254, 10000},
                            Entry{"ft", "m", 3048, 10000},
                            Entry{"foot", "m", 3048, 10000},
                            Entry{"feet", "m", 3048, 10000},
                            Entry{"yard", "m", 9144, 10000},
                            Entry{"yd", "m", 9144, 10000},
                            Entry{"mile", "m", 1609344, 1000},
                            Entry{"mi", "m", 1609344, 1000},
                            Entry{"second", "s", 1, 1},
                            Entry{"sec", "s", 1, 1},
                            Entry{"s", "s", 1, 1},
                            Entry{"minute", "s", 60, 1},
                            Entry{"min", "s", 60, 1},
                            Entry{"hour", "s", 3600, 1},
                            Entry{"hr", "s", 3600, 1},
                            Entry{"h", "s", 3600, 1},
                            Entry{"day", "s", 86400, 1},
                            Entry{"week", "s", 604800, 1},
                            Entry{"month", "month", 1, 1},
                            Entry{"year", "month", 12, 1},
                            Entry{"yr", "month", 12, 1},
                            Entry{"g", "g", 1, 1},
                            Entry{"gram", "g", 1, 1},
                            Entry{"kg", "g", 1000, 1},
                            Entry{"kilogram", "g", 1000, 1},
                            Entry{"mg", "g", 1, 1000},
                            Entry{"ton", "g", 1000000, 1},
                            Entry{"tonne", "g", 1000000, 1},
                            Entry{"lb", "lb", 1, 1},
                            Entry{"pound", "lb", 1, 1},
                            Entry{"oz", "lb", 1, 16},
                            Entry{"ounce", "lb", 1, 16},
                            Entry{"l", "l", 1, 1},
                            Entry{"liter", "l", 1, 1},
                            Entry{"litre", "l", 1, 1},
                            Entry{"ml", "l", 1, 1000},
                            Entry{"milliliter", "l", 1, 1000},
                            Entry{"gallon", "gallon", 1, 1},
                            Entry{"quart", "gallon", 1, 4},
                            Entry{"cup", "cup", 1, 1},
                            Entry{"dollar", "money:usd", 1, 1},
                            Entry{"buck", "money:usd", 1, 1},
                            Entry{"usd", "money:usd", 1, 1},
                            Entry{"cent", "money:usd", 1, 100},
                            Entry{"euro", "money:eur", 1, 1},
                            Entry{"eur", "money:eur", 1, 1},
                            Entry{"yuan", "money:cny", 1, 1},
                            Entry{"rupee", "money:inr", 1, 1},
                            Entry{"yen", "money:jpy", 1, 1},
                            Entry{"currency", "money", 1, 1},
                            Entry{"degree", "degree", 1, 1},
                            Entry{"radian", "radian", 1, 1},
                            Entry{"rad", "radian", 1, 1},
                            Entry{"unit", "", 1, 1},
                            Entry{"sq", "", 1, 1},
                            Entry{"hz", "hz", 1, 1},
                            Entry{"watt", "watt", 1, 1},
                            Entry{"joule", "joule", 1, 1},
                            Entry{"newton", "newton", 1, 1},
                            Entry{"volt", "volt", 1, 1},
                            Entry{"kelvin", "kelvin", 1, 1},
                            Entry{"celsius", "celsius", 1, 1},
                            Entry{"fahrenheit", "fahrenheit", 1, 1},
                            Entry{"in", "m", 254, 10000},
                            Entry{"mole", "mole", 1, 1},
                            Entry{"acre", "acre", 1, 1}};

const Entry* find_unit(std::string_view word) {
  std::string name = lower_case(word);
  while (!name.empty() && name.back() == '.') name.pop_back();
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (const Entry& entry : kUnits) {
      if (entry.name == name) return &entry;
    }
    if (name.size() < 3 || name.back() != 's') return nullptr;
    name.pop_back();
  }
  return nullptr;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    const bool is_break = c == ' ' || c == '~' || c == ',' || c == '{' || c == '}' || c == '\\';
    const bool is_alone = c == '/' || c == '^' || c == '*';
    if (!is_break && !is_alone) word += c;
    if ((is_break || is_alone) && !word.empty()) words.push_back(std::exchange(word, ""));
    if (is_alone) words.emplace_back(1, c);
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

class UnitReader {
 public:
  explicit UnitReader(std::string_view text) : words_(words_of(text)) {}

  Unit read() && {
    for (size_t i = 0; i < words_.size(); ++i) i = word(i);
    Unit unit;
    unit.factor = factor_;
    for (const auto& [dimension, power] : powers_) {
      if (power == 0) continue;
      if (!unit.dimension.empty()) unit.dimension += ' ';
      unit.dimension += dimension;
      if (power != 1) unit.dimension += "^" + std::to_string(power);
    }
    return unit;
  }

 private:
  /// Takes the word at `i`; returns the last index it used.
  size_t word(size_t i) {
    const std::string lower = lower_case(words_[i]);
    if (lower == "/" || lower == "per") {
      sign_ = -1;
      return i;
    }
    if (lower == "square" || lower == "sq" || lower == "sq.") return raise_next(i, 2);
    if (lower == "cubic" || lower == "cu") return raise_next(i, 3);
    if (lower == "*" || lower == "of" || lower == "the" || lower == "an" || lower == "a") return i;
    int power = pending_;
    pending_ = 1;
    size_t last = i;
    if (i + 2 < words_.size() && words_[i + 1] == "^") {
      power = exponent_of(words_[i + 2]);
      last = i + 2;
    } else if (i + 1 < words_.size() && (words_[i + 1] == "squared" || words_[i + 1] == "cubed")) {
      power = words_[i + 1] == "squared" ? 2 : 3;
      last = i + 1;
    }
    if (lower == "mph" || lower == "kph" || lower == "kmh") {
      add(lower == "mph" ? "mile" : "km", sign_);
      add("hour", -sign_);
      return last;
    }
    add(lower, power * sign_);
    return last;
  }

  static int exponent_of(const std::string& word) {
    const bool is_negative = word.starts_with('-');
    const std::string digit = word.substr(is_negative ? 1 : 0);
    const int power = digit == "3" ? 3 : digit == "2" ? 2 : 1;
    return is_negative ? -power : power;
  }

  size_t raise_next(size_t i, int power) {
    pending_ = power;
    return i;
  }

  void add(const std::string& name, int power) {
    const Entry* entry = find_unit(name);
    std::string dimension(entry != nullptr ? std::string_view(entry->dimension) : name);
    if (entry == nullptr && dimension.size() > 3 && dimension.back() == 's') dimension.pop_back();
    if (dimension.empty()) return;
    powers_[dimension] += power;
    if (entry != nullptr) {
      factor_ = factor_ * Rational(entry->numerator, entry->denominator).power(power);
    }
  }

  std::vector<std::string> words_;
  std::map<std::string, int> powers_;
  Rational factor_{1};
  int sign_ = 1;
  int pending_ = 1;
};

}  // namespace

bool is_unit(std::string_view word) {
  return find_unit(word) != nullptr || word == "mph" || word == "kph" || word == "kmh";
}

std::string_view unit_of_letter(std::string_view letter) {
  using Letter = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Letter, 10> kLetters{{{"m", "m"},
                                             {"s", "s"},
                                             {"g", "g"},
                                             {"h", "h"},
                                             {"l", "l"},
                                             {"L", "l"},
                                             {"N", "newton"},
                                             {"J", "joule"},
                                             {"V", "volt"},
                                             {"W", "watt"}}};
  for (const auto& [name, unit] : kLetters) {
    if (name == letter) return unit;
  }
  return {};
}

void match_money(Unit& a, Unit& b) {
  // Dimensions are "money:usd" and the like, and "money" where the currency is not known.
  const auto names_currency = [](const Unit& unit) {
    return unit.dimension.find("money:") != std::string::npos;
  };
  const auto is_any = [&](const Unit& unit) {
    return unit.dimension.find("money") != std::string::npos && !names_currency(unit);
  };
  for (auto [unit, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (!names_currency(*unit) || !is_any(*other)) continue;
    constexpr size_t kCodeLength = 4;  // ":usd"
    unit->dimension.erase(unit->dimension.find("money:") + 5, kCodeLength);
  }
}

bool is_measured(std::string_view text) {
  return find_unit(text) != nullptr;
}

Unit unit_of(std::string_view text) {
  return UnitReader(text).read();
}

}  // namespace gradus::rewards::math
