#include "rewards/math/names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"

namespace gradus::rewards::math {
namespace {

using Alias = std::pair<std::string_view, std::string_view>;

template <size_t N>
std::optional<std::string> look_up(const std::array<Alias, N>& table, std::string_view name) {
  for (const auto& [alias, value] : table) {
    if (alias == name) return std::string(value);
  }
  return std::nullopt;
}

template <size_t N>
bool holds(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::optional<std::string> function_name(std::string_view name) {
  constexpr std::array kFunctions{Alias{"sin", "sin"},
                                  Alias{"cos", "cos"},
                                  Alias{"tan", "tan"},
                                  Alias{"cot", "cot"},
                                  Alias{"sec", "sec"},
                                  Alias{"csc", "csc"},
                                  Alias{"tg", "tan"},
                                  Alias{"ctg", "cot"},
                                  Alias{"cosec", "csc"},
                                  Alias{"sinh", "sinh"},
                                  Alias{"cosh", "cosh"},
                                  Alias{"tanh", "tanh"},
                                  Alias{"coth", "coth"},
                                  Alias{"arcsin", "arcsin"},
                                  Alias{"arccos", "arccos"},
                                  Alias{"arctan", "arctan"},
                                  Alias{"arccot", "arccot"},
                                  Alias{"arcsec", "arcsec"},
                                  Alias{"arccsc", "arccsc"},
                                  Alias{"asin", "arcsin"},
                                  Alias{"acos", "arccos"},
                                  Alias{"atan", "arctan"},
                                  Alias{"arctg", "arctan"},
                                  Alias{"arcctg", "arccot"},
                                  Alias{"asinh", "arsinh"},
                                  Alias{"acosh", "arcosh"},
                                  Alias{"atanh", "artanh"},
                                  Alias{"arsinh", "arsinh"},
                                  Alias{"arcosh", "arcosh"},
                                  Alias{"artanh", "artanh"},
                                  Alias{"arcsinh", "arsinh"},
                                  Alias{"arccosh", "arcosh"},
                                  Alias{"arctanh", "artanh"},
                                  Alias{"ln", "ln"},
                                  Alias{"log", "log"},
                                  Alias{"lg", "log"},
                                  Alias{"exp", "exp"},
                                  Alias{"sqrt", "sqrt"},
                                  Alias{"cbrt", "cbrt"},
                                  Alias{"abs", "abs"},
                                  Alias{"max", "max"},
                                  Alias{"min", "min"},
                                  Alias{"gcd", "gcd"},
                                  Alias{"lcm", "lcm"},
                                  Alias{"det", "det"},
                                  Alias{"sgn", "sgn"},
                                  Alias{"sign", "sgn"},
                                  Alias{"floor", "floor"},
                                  Alias{"ceil", "ceil"},
                                  Alias{"Re", "re"},
                                  Alias{"Im", "im"},
                                  Alias{"arg", "arg"},
                                  Alias{"binom", "binom"},
                                  Alias{"binomial", "binom"},
                                  Alias{"factorial", "factorial"}};
  return look_up(kFunctions, name);
}

bool takes_angle(std::string_view function) {
  constexpr std::array<std::string_view, 6> kNames{"sin", "cos", "tan", "cot", "sec", "csc"};
  return holds(kNames, function);
}

std::optional<std::string> constant_name(std::string_view name) {
  constexpr std::array kConstants{Alias{"pi", "pi"},
                                  Alias{"infty", "oo"},
                                  Alias{"infinity", "oo"},
                                  Alias{"inf", "oo"},
                                  Alias{"oo", "oo"},
                                  Alias{"emptyset", "{}"},
                                  Alias{"varnothing", "{}"},
                                  Alias{"oslash", "{}"},
                                  Alias{"imath", "i"},
                                  Alias{"Infinity", "oo"},
                                  Alias{"nil", "{}"},
                                  Alias{"all real numbers", "set R"},
                                  Alias{"all reals", "set R"},
                                  Alias{"real numbers", "set R"},
                                  Alias{"the real numbers", "set R"},
                                  Alias{"all integers", "set Z"},
                                  Alias{"the integers", "set Z"},
                                  Alias{"integers", "set Z"},
                                  Alias{"set of integers", "set Z"},
                                  Alias{"the set of integers", "set Z"},
                                  Alias{"all rational numbers", "set Q"},
                                  Alias{"rational numbers", "set Q"},
                                  Alias{"all natural numbers", "set N"},
                                  Alias{"natural numbers", "set N"},
                                  Alias{"all complex numbers", "set C"},
                                  Alias{"complex numbers", "set C"},
                                  Alias{"empty set", "{}"},
                                  Alias{"the empty set", "{}"}};
  return look_up(kConstants, name);
}

bool is_symbol_command(std::string_view name) {
  constexpr std::array<std::string_view, 59> kSymbols{
      "alpha",    "beta",        "gamma",    "delta",  "epsilon", "varepsilon", "zeta",
      "eta",      "theta",       "vartheta", "iota",   "kappa",   "lambda",     "mu",
      "nu",       "xi",          "rho",      "varrho", "sigma",   "varsigma",   "tau",
      "upsilon",  "phi",         "varphi",   "chi",    "psi",     "omega",      "Gamma",
      "Delta",    "Theta",       "Lambda",   "Xi",     "Pi",      "Sigma",      "Upsilon",
      "Phi",      "Psi",         "Omega",    "ell",    "hbar",    "aleph",      "nabla",
      "partial",  "square",      "star",     "circ",   "bullet",  "triangle",   "angle",
      "top",      "bot",         "perp",     "Box",    "diamond", "heartsuit",  "spadesuit",
      "clubsuit", "diamondsuit", "Pr"};
  return holds(kSymbols, name);
}

bool is_joining_word(std::string_view word) {
  constexpr std::array<std::string_view, 16> kWords{"and", "or", "und", "oder",  "et", "ou",
                                                    "y",   "o",  "e",   "i",     "și", "och",
                                                    "&",   "和", "或",  "または"};
  return holds(kWords, lower_case(word));
}

size_t glued_joiner(std::string_view text, size_t word_at, std::string_view word) {
  const bool is_glued = word_at > 0 && is_digit(text[word_at - 1]);
  for (const std::string_view joiner : {"or", "and"}) {
    const bool has_letter = word.size() == joiner.size() + 1;
    if (is_glued && has_letter && word.starts_with(joiner)) return joiner.size();
  }
  return 0;
}

bool is_percent_word(std::string_view word) {
  constexpr std::array<std::string_view, 10> kWords{
      "percent", "pct",       "percentage",  "percents", "per cent",
      "prozent", "porciento", "percentages", "%",        "\\%"};
  return holds(kWords, lower_case(word));
}

int64_t multiplier_of(std::string_view word) {
  const std::string lower = lower_case(word);
  if (lower == "hundred") return 100;
  if (lower == "thousand") return 1'000;
  if (lower == "million" || lower == "millions") return 1'000'000;
  if (lower == "billion" || lower == "billions") return 1'000'000'000;
  if (lower == "trillion" || lower == "trillions") return 1'000'000'000'000;
  return 0;
}

}  // namespace gradus::rewards::math
