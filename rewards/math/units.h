#pragma once

#include <string>
#include <string_view>

#include "rewards/math/values/rational.h"

namespace gradus::rewards::math {

/// A unit in base units of its dimension: 5 km = 5 * 1000 m.
struct Unit {
  std::string dimension;  // "m", "m^2", "m s^-1", "money:usd", ...; empty: says nothing ("units")
  Rational factor{1};
};

/// Whether a word names a unit of measure or a currency.
bool is_unit(std::string_view word);

/// The unit that one letter of a formula stands for behind a number: N, J, m; empty: none.
std::string_view unit_of_letter(std::string_view letter);

/// Where one unit is money of any currency ("currency", as the sign $ is read) and the other names
/// one, that name is dropped.
void match_money(Unit& a, Unit& b);

/// Whether a unit as written has a place in the table, so that its factor means something.
bool is_measured(std::string_view text);

/// A unit as written: "cm", "cm^2", "square centimeters", "m/s", "miles per hour". A word that is
/// not known is a dimension of its own.
Unit unit_of(std::string_view text);

}  // namespace gradus::rewards::math
