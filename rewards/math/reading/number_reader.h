#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rewards/math/reading/lexer.h"
#include "rewards/math/values/rational.h"

namespace gradus::rewards::math {

/// Reads numbers as people and LaTeX write them: thousands in five styles, decimals behind a point
/// or a comma, digits that repeat (an overline, brackets, dots), exponents.
class NumberReader {
 public:
  /// @param text  outlives the reader.
  NumberReader(std::string_view text, const NumberStyle& style) : text_(text), style_(style) {}

  struct Reading {
    Rational value;
    bool is_decimal = false;  // written with decimals that end
    int64_t exponent = 0;     // of ten; where not 0 it is too large to be in the value
    size_t end = 0;           // byte behind the number
  };

  /// The number at `at`, a digit or a point. Positions only grow from call to call, so that all
  /// of them together take linear time.
  ///
  /// @param is_bracketed  within brackets a comma parts items.
  /// @param may_group     false: no separators of thousands.
  /// @return  nothing for more than kMaxDigits digits.
  std::optional<Reading> read(size_t at, bool is_bracketed, bool may_group);

  /// Whether digits under a line stand at `at`.
  bool is_overline(size_t at) const;

 private:
  struct Digits {
    std::string whole;
    std::string decimals;
    bool is_decimal = false;
  };

  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool looking_at(std::string_view what, size_t at) const {
    return at <= text_.size() && text_.substr(at, what.size()) == what;
  }
  size_t braced_comma(size_t at) const;
  bool is_grouped_run(size_t at);
  size_t group_separator(size_t at, std::string_view digits_before);
  std::string digits();
  bool european(Digits& read);
  void grouped(Digits& read);
  bool is_period_here() const;
  bool repeating(Rational& value, size_t num_decimals);
  size_t dotted_period(size_t end, std::string& period) const;
  bool goes_on(Rational& value, std::string_view decimals);
  int64_t exponent_part();

  std::string_view text_;
  NumberStyle style_;
  size_t at_ = 0;
  bool is_bracketed_ = false;
  bool may_group_ = true;
  size_t run_end_ = 0;  // of the run that is_grouped_run looked at last
  bool is_run_grouped_ = false;
};

}  // namespace gradus::rewards::math
