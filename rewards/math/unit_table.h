#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gradus::rewards::math {

// Units of measure (SI brochure, 9th edition; inch, pound and gallon as fixed by law) and money.

struct UnitEntry {
  std::string_view name;       // a symbol as it is written, or a word: singular, lower case
  std::string_view dimension;  // "m", "g m s^-2"; empty: says nothing
  int64_t numerator = 1;       // numerator / denominator * 10^ten of the dimension's own unit
  uint64_t denominator = 1;
  int ten = 0;
  bool takes_prefix = false;  // kJ, but not kmin
};

struct UnitPrefix {
  std::string_view name;
  int ten;
};

inline constexpr std::array kPrefixSymbols{
    UnitPrefix{"T", 12},  UnitPrefix{"G", 9},  UnitPrefix{"M", 6},  UnitPrefix{"k", 3},
    UnitPrefix{"h", 2},   UnitPrefix{"d", -1}, UnitPrefix{"c", -2}, UnitPrefix{"m", -3},
    UnitPrefix{"µ", -6},  UnitPrefix{"μ", -6}, UnitPrefix{"u", -6}, UnitPrefix{"n", -9},
    UnitPrefix{"p", -12}, UnitPrefix{"f", -15}};

inline constexpr std::array kPrefixWords{
    UnitPrefix{"tera", 12},  UnitPrefix{"giga", 9},   UnitPrefix{"mega", 6},
    UnitPrefix{"kilo", 3},   UnitPrefix{"hecto", 2},  UnitPrefix{"deci", -1},
    UnitPrefix{"centi", -2}, UnitPrefix{"milli", -3}, UnitPrefix{"micro", -6},
    UnitPrefix{"nano", -9},  UnitPrefix{"pico", -12}, UnitPrefix{"femto", -15}};

inline constexpr std::array kUnitSymbols{UnitEntry{"m", "m", 1, 1, 0, true},
                                         UnitEntry{"s", "s", 1, 1, 0, true},
                                         UnitEntry{"g", "g", 1, 1, 0, true},
                                         UnitEntry{"A", "A", 1, 1, 0, true},
                                         UnitEntry{"K", "K", 1, 1, 0, true},
                                         UnitEntry{"mol", "mol", 1, 1, 0, true},
                                         UnitEntry{"cd", "cd", 1, 1},
                                         UnitEntry{"N", "g m s^-2", 1, 1, 3, true},
                                         UnitEntry{"J", "g m^2 s^-2", 1, 1, 3, true},
                                         UnitEntry{"W", "g m^2 s^-3", 1, 1, 3, true},
                                         UnitEntry{"Pa", "g m^-1 s^-2", 1, 1, 3, true},
                                         UnitEntry{"C", "A s", 1, 1, 0, true},
                                         UnitEntry{"V", "g m^2 s^-3 A^-1", 1, 1, 3, true},
                                         UnitEntry{"F", "A^2 s^4 g^-1 m^-2", 1, 1, -3, true},
                                         UnitEntry{"Omega", "g m^2 s^-3 A^-2", 1, 1, 3, true},
                                         UnitEntry{"Ω", "g m^2 s^-3 A^-2", 1, 1, 3, true},
                                         UnitEntry{"S", "A^2 s^3 g^-1 m^-2", 1, 1, -3, true},
                                         UnitEntry{"H", "g m^2 s^-2 A^-2", 1, 1, 3, true},
                                         UnitEntry{"T", "g s^-2 A^-1", 1, 1, 3, true},
                                         UnitEntry{"Wb", "g m^2 s^-2 A^-1", 1, 1, 3, true},
                                         UnitEntry{"Hz", "s^-1", 1, 1, 0, true},
                                         UnitEntry{"Bq", "becquerel", 1, 1, 0, true},
                                         UnitEntry{"Sv", "sievert", 1, 1, 0, true},
                                         UnitEntry{"Gy", "gray", 1, 1, 0, true},
                                         UnitEntry{"L", "m^3", 1, 1000, 0, true},
                                         UnitEntry{"l", "m^3", 1, 1000, 0, true},
                                         UnitEntry{"M", "mol m^-3", 1000, 1, 0, true},
                                         UnitEntry{"eV", "g m^2 s^-2", 1'602'176'634, 1, -25, true},
                                         UnitEntry{"cal", "g m^2 s^-2", 4184, 1, 0, true},
                                         UnitEntry{"bar", "g m^-1 s^-2", 1, 1, 8, true},
                                         UnitEntry{"atm", "g m^-1 s^-2", 101'325, 1, 3},
                                         UnitEntry{"mmHg", "mmhg", 1, 1},
                                         UnitEntry{"Wh", "g m^2 s^-2", 3600, 1, 3, true},
                                         UnitEntry{"h", "s", 3600, 1},
                                         UnitEntry{"min", "s", 60, 1},
                                         UnitEntry{"rad", "radian", 1, 1},
                                         UnitEntry{"u", "u", 1, 1},
                                         UnitEntry{"B", "byte", 1, 1, 0, true},
                                         UnitEntry{"dB", "decibel", 1, 1}};

inline constexpr std::array kUnitWords{
    UnitEntry{"meter", "m", 1, 1, 0, true},
    UnitEntry{"metre", "m", 1, 1, 0, true},
    UnitEntry{"inch", "m", 254, 10000},
    UnitEntry{"inche", "m", 254, 10000},
    UnitEntry{"in", "m", 254, 10000},
    UnitEntry{"ft", "m", 3048, 10000},
    UnitEntry{"foot", "m", 3048, 10000},
    UnitEntry{"feet", "m", 3048, 10000},
    UnitEntry{"yard", "m", 9144, 10000},
    UnitEntry{"yd", "m", 9144, 10000},
    UnitEntry{"mile", "m", 1609344, 1000},
    UnitEntry{"mi", "m", 1609344, 1000},
    UnitEntry{"second", "s", 1, 1, 0, true},
    UnitEntry{"sec", "s", 1, 1},
    UnitEntry{"s", "s", 1, 1},
    UnitEntry{"m", "m", 1, 1},
    UnitEntry{"g", "g", 1, 1},
    UnitEntry{"l", "m^3", 1, 1000},
    UnitEntry{"minute", "s", 60, 1},
    UnitEntry{"min", "s", 60, 1},
    UnitEntry{"hour", "s", 3600, 1},
    UnitEntry{"hr", "s", 3600, 1},
    UnitEntry{"h", "s", 3600, 1},
    UnitEntry{"day", "s", 86400, 1},
    UnitEntry{"week", "s", 604800, 1},
    UnitEntry{"month", "month", 1, 1},
    UnitEntry{"year", "month", 12, 1},
    UnitEntry{"yr", "month", 12, 1},
    UnitEntry{"gram", "g", 1, 1, 0, true},
    UnitEntry{"ton", "g", 1, 1, 6},
    UnitEntry{"tonne", "g", 1, 1, 6},
    UnitEntry{"lb", "g", 45'359'237, 100'000},
    UnitEntry{"pound", "g", 45'359'237, 100'000},
    UnitEntry{"oz", "g", 45'359'237, 1'600'000},
    UnitEntry{"ounce", "g", 45'359'237, 1'600'000},
    UnitEntry{"liter", "m^3", 1, 1000, 0, true},
    UnitEntry{"litre", "m^3", 1, 1000, 0, true},
    UnitEntry{"gallon", "gallon", 1, 1},
    UnitEntry{"quart", "gallon", 1, 4},
    UnitEntry{"pint", "gallon", 1, 8},
    UnitEntry{"cup", "cup", 1, 1},
    UnitEntry{"dollar", "money:usd", 1, 1},
    UnitEntry{"buck", "money:usd", 1, 1},
    UnitEntry{"usd", "money:usd", 1, 1},
    UnitEntry{"cent", "money:usd", 1, 100},
    UnitEntry{"euro", "money:eur", 1, 1},
    UnitEntry{"eur", "money:eur", 1, 1},
    UnitEntry{"yuan", "money:cny", 1, 1},
    UnitEntry{"rupee", "money:inr", 1, 1},
    UnitEntry{"yen", "money:jpy", 1, 1},
    UnitEntry{"currency", "money", 1, 1},
    UnitEntry{"degree", "degree", 1, 1},
    UnitEntry{"radian", "radian", 1, 1},
    UnitEntry{"rad", "radian", 1, 1},
    UnitEntry{"unit", "", 1, 1},
    UnitEntry{"sq", "", 1, 1},
    UnitEntry{"hertz", "s^-1", 1, 1, 0, true},
    UnitEntry{"hz", "s^-1", 1, 1},
    UnitEntry{"watt", "g m^2 s^-3", 1, 1, 3, true},
    UnitEntry{"joule", "g m^2 s^-2", 1, 1, 3, true},
    UnitEntry{"newton", "g m s^-2", 1, 1, 3, true},
    UnitEntry{"pascal", "g m^-1 s^-2", 1, 1, 3, true},
    UnitEntry{"volt", "g m^2 s^-3 A^-1", 1, 1, 3, true},
    UnitEntry{"ampere", "A", 1, 1, 0, true},
    UnitEntry{"amp", "A", 1, 1, 0, true},
    UnitEntry{"coulomb", "A s", 1, 1, 0, true},
    UnitEntry{"farad", "A^2 s^4 g^-1 m^-2", 1, 1, -3, true},
    UnitEntry{"ohm", "g m^2 s^-3 A^-2", 1, 1, 3, true},
    UnitEntry{"siemens", "A^2 s^3 g^-1 m^-2", 1, 1, -3, true},
    UnitEntry{"henry", "g m^2 s^-2 A^-2", 1, 1, 3, true},
    UnitEntry{"tesla", "g s^-2 A^-1", 1, 1, 3, true},
    UnitEntry{"weber", "g m^2 s^-2 A^-1", 1, 1, 3, true},
    UnitEntry{"electronvolt", "g m^2 s^-2", 1'602'176'634, 1, -25, true},
    UnitEntry{"calorie", "g m^2 s^-2", 4184, 1, 0, true},
    UnitEntry{"kelvin", "K", 1, 1},
    UnitEntry{"celsius", "celsius", 1, 1},
    UnitEntry{"fahrenheit", "fahrenheit", 1, 1},
    UnitEntry{"mole", "mol", 1, 1, 0, true},
    UnitEntry{"acre", "acre", 1, 1}};

}  // namespace gradus::rewards::math
