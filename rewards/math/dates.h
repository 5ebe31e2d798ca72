#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace gradus::rewards::math {

/// A day, a month of a year or a day of every year, in the Gregorian calendar.
struct CalendarDate {
  int year = 0;   // 0: not said
  int month = 0;  // 1 to 12
  int day = 0;    // 0: not said

  friend bool operator==(const CalendarDate&, const CalendarDate&) = default;
};

/// Reads a text that is one date and nothing else: "March 3, 2024", "3rd of March 2024", "Sunday,
/// 3 Mar. 2024", "March 2024", "March 3", "2024-03-03" (digits as in ISO 8601; other plain digits
/// are arithmetic), "3/14/2024" and "14.3.2024" (only where one of the two is above 12, for
/// countries differ in which is the month). LaTeX's \text{} around it is passed over. English.
///
/// @return  nullopt for anything else, among it days that no month has ("February 30") and a
///          weekday that contradicts the day.
std::optional<CalendarDate> parse_date(std::string_view text);

/// The dates within a text, in order, of its last 20,000 bytes: all forms of above.
std::vector<std::string_view> find_dates(std::string_view text);

}  // namespace gradus::rewards::math
