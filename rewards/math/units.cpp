#include "rewards/math/units.h"

#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/unit_table.h"

namespace gradus::rewards::math {
namespace {

/// What a word stands for: a unit of the table and the power of ten of its prefix.
struct FoundUnit {
  const UnitEntry* entry = nullptr;
  int ten = 0;
};

template <size_t N>
const UnitEntry* entry_named(const std::array<UnitEntry, N>& table, std::string_view name) {
  for (const UnitEntry& entry : table) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

/// "kJ", "mA", "µF", as they are written: MW is not mW.
std::optional<FoundUnit> symbol_of(std::string_view word) {
  if (const UnitEntry* entry = entry_named(kUnitSymbols, word)) return FoundUnit{entry, 0};
  if (word == "pH") return std::nullopt;  // a measure of its own
  for (const UnitPrefix& prefix : kPrefixSymbols) {
    if (!word.starts_with(prefix.name)) continue;
    const UnitEntry* entry = entry_named(kUnitSymbols, word.substr(prefix.name.size()));
    if (entry != nullptr && entry->takes_prefix) return FoundUnit{entry, prefix.ten};
  }
  return std::nullopt;
}

/// "kilometers", "hour", in lower case.
std::optional<FoundUnit> word_of_unit(std::string_view lower) {
  if (const UnitEntry* entry = entry_named(kUnitWords, lower)) return FoundUnit{entry, 0};
  for (const UnitPrefix& prefix : kPrefixWords) {
    if (!lower.starts_with(prefix.name)) continue;
    const UnitEntry* entry = entry_named(kUnitWords, lower.substr(prefix.name.size()));
    if (entry != nullptr && entry->takes_prefix) return FoundUnit{entry, prefix.ten};
  }
  return std::nullopt;
}

std::optional<FoundUnit> find_unit(std::string_view word) {
  while (!word.empty() && word.back() == '.') word.remove_suffix(1);
  if (word.empty()) return std::nullopt;
  if (const auto symbol = symbol_of(word)) return symbol;
  std::string lower = lower_case(word);
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (const auto found = word_of_unit(lower)) return found;
    if (word.size() > 1 && lower != word) {  // KM, Hz as hz
      if (const auto symbol = symbol_of(lower)) return symbol;
    }
    if (lower.size() < 3 || lower.back() != 's') return std::nullopt;
    lower.pop_back();
  }
  return std::nullopt;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    const bool is_break = c == ' ' || c == '~' || c == ',' || c == '{' || c == '}' || c == '\\' ||
                          c == '(' || c == ')';
    const bool is_alone = c == '/' || c == '^' || c == '*';
    if (!is_break && !is_alone) word += c;
    if ((is_break || is_alone) && !word.empty()) words.push_back(std::exchange(word, ""));
    if (is_alone) words.emplace_back(1, c);
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

/// Words of a unit that say nothing of it.
bool is_filler(const std::string& lower) {
  constexpr std::array<std::string_view, 9> kFillers{"*",    "of",    "the",    "an",  "a",
                                                     "cdot", "times", "mathrm", "text"};
  for (const std::string_view filler : kFillers) {
    if (lower == filler) return true;
  }
  return false;
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
    if (is_filler(words_[i])) return i;
    std::string name = words_[i];
    if (i + 1 < words_.size() && is_prefix_apart(name, words_[i + 1])) {
      name = (name == "mu" ? "µ" : name) + words_[++i];
    }
    int power = std::exchange(pending_, 1);
    size_t last = i;
    if (i + 2 < words_.size() && words_[i + 1] == "^") {
      power = exponent_of(words_[i + 2]);
      last = i + 2;
    } else if (i + 1 < words_.size() && (words_[i + 1] == "squared" || words_[i + 1] == "cubed")) {
      power = words_[i + 1] == "squared" ? 2 : 3;
      last = i + 1;
    } else if (const size_t digits = name.find_first_of("-0123456789");
               digits != std::string::npos && digits > 0) {  // s-2, m2
      power = exponent_of(name.substr(digits));
      name.resize(digits);
    }
    if (lower == "mph" || lower == "kph" || lower == "kmh") {
      add(lower == "mph" ? "mile" : "km", sign_);
      add("hour", -sign_);
      return last;
    }
    add(name, power * sign_);
    return last;
  }

  /// "\mu F", "k \Omega": a prefix that was set apart from its unit.
  static bool is_prefix_apart(const std::string& prefix, const std::string& unit) {
    const bool is_micro = prefix == "mu" && symbol_of("µ" + unit);
    const bool is_of_ohm = prefix.size() == 1 && unit == "Omega" && symbol_of(prefix + unit);
    return is_micro || is_of_ohm;
  }

  static int exponent_of(const std::string& word) {
    const bool is_negative = word.starts_with('-');
    const char digit = word.size() == (is_negative ? 2U : 1U) ? word.back() : '1';
    const int power = is_digit(digit) ? digit - '0' : 1;
    return is_negative ? -power : power;
  }

  size_t raise_next(size_t i, int power) {
    pending_ = power;
    return i;
  }

  void add(const std::string& name, int power) {
    const auto found = find_unit(name);
    if (!found) {
      std::string own = lower_case(name);
      if (own.size() > 3 && own.back() == 's') own.pop_back();
      if (!own.empty()) powers_[own] += power;
      return;
    }
    add_dimensions(found->entry->dimension, power);
    const Rational unit(found->entry->numerator, found->entry->denominator);
    factor_ =
        factor_ * (unit * Rational::power_of_ten(found->ten + found->entry->ten)).power(power);
  }

  /// "g m s^-2": names and their powers.
  void add_dimensions(std::string_view dimension, int power) {
    while (!dimension.empty()) {
      const std::string_view one = dimension.substr(0, dimension.find(' '));
      dimension.remove_prefix(std::min(one.size() + 1, dimension.size()));
      const size_t mark = one.find('^');
      const std::string_view exponent = mark == std::string_view::npos ? "1" : one.substr(mark + 1);
      powers_[std::string(one.substr(0, mark))] += power * exponent_of(std::string(exponent));
    }
  }

  std::vector<std::string> words_;
  std::map<std::string, int> powers_;
  Rational factor_{1};
  int sign_ = 1;
  int pending_ = 1;
};

/// Symbols of two letters or more that are no product of variables: kN, MHz, eV.
bool is_clear_symbol(std::string_view word) {
  constexpr std::array<std::string_view, 44> kSymbols{
      "km",  "cm",  "mm",  "dm",   "kg",   "mg",   "ml",  "mL",  "kN",  "MN", "kJ",
      "MJ",  "GJ",  "mJ",  "kW",   "MW",   "GW",   "mW",  "kV",  "mV",  "kA", "mA",
      "Hz",  "kHz", "MHz", "GHz",  "Pa",   "kPa",  "MPa", "GPa", "hPa", "eV", "keV",
      "MeV", "GeV", "mol", "kmol", "mmol", "kcal", "kWh", "nF",  "pF",  "mF", "mH"};
  for (const std::string_view symbol : kSymbols) {
    if (symbol == word) return true;
  }
  return false;
}

}  // namespace

bool is_unit(std::string_view word) {
  if (word == "mph" || word == "kph" || word == "kmh" || is_clear_symbol(word)) return true;
  while (!word.empty() && word.back() == '.') word.remove_suffix(1);
  if (word.size() == 1) return unit_of_letter(word) == word && word != "N" && word != "J";
  std::string lower = lower_case(word);
  if (lower != word && is_clear_symbol(lower)) return true;
  if (word_of_unit(lower)) return true;
  if (lower.size() < 3 || lower.back() != 's') return false;
  lower.pop_back();
  return word_of_unit(lower) || is_clear_symbol(lower);
}

std::string_view unit_of_letter(std::string_view letter) {
  using Letter = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Letter, 11> kLetters{{{"m", "m"},
                                             {"s", "s"},
                                             {"g", "g"},
                                             {"h", "h"},
                                             {"l", "l"},
                                             {"L", "L"},
                                             {"N", "N"},
                                             {"J", "J"},
                                             {"V", "V"},
                                             {"W", "W"},
                                             {"Omega", "Omega"}}};
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
  return find_unit(text).has_value();
}

Unit unit_of(std::string_view text) {
  return UnitReader(text).read();
}

}  // namespace gradus::rewards::math
