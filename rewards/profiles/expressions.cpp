#include "rewards/profiles/expressions.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "rewards/math/math_grader.h"

namespace gradus::rewards::profiles {
namespace {

constexpr size_t kMostCharacters = 4000;

// Names of two different letters at most (prm800k tries no others) that sympy knows, and those
// that are Python's own words.
constexpr std::array<TextView, 26> kOtherMeanings{
    U"all", U"id", U"hn1", U"hn2", U"nan",  U"oo", U"zoo", U"gff", U"rf",
    U"ff",  U"re", U"im",  U"csc", U"frac", U"li", U"jn",  U"yn",  U"fft",
    U"ntt", U"fu", U"eye", U"as",  U"in",   U"is", U"if",  U"or"};
constexpr std::array<TextView, 3> kGreek{U"mu", U"nu", U"xi"};

bool is_ascii_digit(char32_t c) {
  return c >= U'0' && c <= U'9';
}

/// Rewrites an expression of sympy's parser as plain mathematics that has one reading: products
/// written out, decimals as fractions, every symbol one letter that means nothing else. Symbols
/// are shared between the two sides.
class Rewriter {
 public:
  /// nullopt: Python or sympy raises, or gives what cannot be subtracted.
  std::optional<Text> rewritten(TextView expression) {
    text_ = expression;
    at_ = 0;
    result_.clear();
    ends_operand_ = false;
    has_line_end_ = false;
    while (at_ < text_.size()) {
      if (!take_token()) return std::nullopt;
    }
    return result_;
  }

 private:
  bool take_token() {
    const char32_t c = text_[at_];
    if (c == U'\t' || c == U'\f') return ++at_, true;
    // A line may end within the brackets that the program puts around, but not between factors.
    if (c == U'\n' || c == U'\r') return ++at_, has_line_end_ = true;
    const bool follows_line_end = std::exchange(has_line_end_, false);
    if (follows_line_end && ends_operand_ && begins_operand(c)) return false;
    const bool starts_number = is_ascii_digit(c) || (c == U'.' && at_ + 1 < text_.size() &&
                                                     is_ascii_digit(text_[at_ + 1]));
    if (starts_number) return number();
    if (is_alpha(c) || c == U'_') return name();
    ++at_;
    switch (c) {
      case U'(':
        multiply();
        result_ += c;
        ends_operand_ = false;
        return true;
      case U')':
      case U'!':
        result_ += c;
        ends_operand_ = true;
        return true;
      case U'*':
        if (at_ < text_.size() && text_[at_] == U'*') return ++at_, operation(U'^');
        return operation(U'*');
      case U'/':
        return (at_ >= text_.size() || text_[at_] != U'/') && operation(U'/');
      case U'+':
      case U'-':
      case U'^':
        return operation(c);
      default:
        return false;
    }
  }

  static bool begins_operand(char32_t c) {
    return is_ascii_digit(c) || c == U'.' || is_alpha(c) || c == U'_' || c == U'(';
  }

  bool operation(char32_t sign) {
    result_ += sign;
    ends_operand_ = false;
    return true;
  }

  void multiply() {
    if (ends_operand_) result_ += U'*';
  }

  void operand(TextView text) {
    multiply();
    result_ += text;
    ends_operand_ = true;
  }

  size_t digits_end(size_t at) const {
    const size_t start = at;
    while (at < text_.size() && (is_ascii_digit(text_[at]) ||
                                 (text_[at] == U'_' && at > start && at + 1 < text_.size() &&
                                  is_ascii_digit(text_[at + 1])))) {
      ++at;
    }
    return at;
  }

  // A whole number, or a decimal as the fraction it is: 2.50 as (250/100).
  bool number() {
    const size_t start = at_;
    at_ = digits_end(at_);
    if (at_ == start + 1 && text_[start] == U'0' && at_ < text_.size() &&
        contains(U"xbo", text_.substr(at_, 1))) {
      return false;  // 0x1f
    }
    const Text whole = replaced(text_.substr(start, at_ - start), U"_", U"");
    Text fraction;
    const bool has_point = at_ < text_.size() && text_[at_] == U'.';
    if (has_point) {
      const size_t first = at_ + 1;
      at_ = digits_end(first);
      fraction = replaced(text_.substr(first, at_ - first), U"_", U"");
    }
    Text value = U"(" + (whole + fraction)
                            .substr(std::min((whole + fraction).find_first_not_of(U'0'),
                                             whole.size() + fraction.size() - 1));
    if (!fraction.empty()) value += U"/1" + Text(fraction.size(), U'0');
    value += U")";
    if (!take_exponent(value)) return false;
    if (!has_point && whole.size() > 1 && whole.front() == U'0') value = U"(0)";  // 007 is 00 * 7
    if (at_ < text_.size() && text_[at_] == U'j') {
      value = U"(" + value + U"*i)";
      ++at_;
    }
    operand(value);
    return true;
  }

  // `e-5` behind a number, where digits follow; else the e is a symbol.
  bool take_exponent(Text& value) {
    if (at_ >= text_.size() || text_[at_] != U'e') return true;
    size_t first = at_ + 1;
    const bool has_sign = first < text_.size() && (text_[first] == U'-' || text_[first] == U'+');
    const bool is_negative = has_sign && text_[first] == U'-';
    if (has_sign) ++first;
    const size_t end = digits_end(first);
    if (end == first) return true;
    if (end - first > 3) return false;  // past the range of a double
    value = U"(" + value + (is_negative ? U"/10^" : U"*10^") +
            Text(text_.substr(first, end - first)) + U")";
    at_ = end;
    return true;
  }

  bool name() {
    const size_t start = at_;
    while (at_ < text_.size() &&
           (is_alpha(text_[at_]) || is_decimal(text_[at_]) || text_[at_] == U'_')) {
      ++at_;
    }
    const TextView word = text_.substr(start, at_ - start);
    const bool is_call = at_ < text_.size() && text_[at_] == U'(';
    if (word == U"sqrt" || word == U"ln") {
      if (!is_call) return false;  // without brackets sympy looks for the argument elsewhere
      multiply();
      result_ += word;
      ends_operand_ = false;
      return true;
    }
    if (word == U"pi") return operand(U"pi"), true;
    if (std::find(kOtherMeanings.begin(), kOtherMeanings.end(), word) != kOtherMeanings.end()) {
      return false;
    }
    const bool is_whole =
        contains(word, U"_") || std::find(kGreek.begin(), kGreek.end(), word) != kGreek.end();
    if (is_whole) return operand_symbol(word);
    return split(word);
  }

  // "x2y" is x times 2 times y.
  bool split(TextView word) {
    for (size_t i = 0; i < word.size();) {
      size_t end = i;
      while (end < word.size() && is_ascii_digit(word[end])) ++end;
      if (end > i) {
        operand(word.substr(i, end - i));
        i = end;
      } else if (!operand_symbol(word.substr(i++, 1))) {
        return false;
      }
    }
    return true;
  }

  bool operand_symbol(TextView name) {
    // Letters that are neither numbers nor functions to anyone.
    constexpr TextView kLetters = U"xyzuvwabcfghklmnpqrst";
    const auto known = symbols_.find(Text(name));
    if (known != symbols_.end()) return operand(TextView(&known->second, 1)), true;
    if (symbols_.size() == kLetters.size()) return false;
    const char32_t letter = kLetters[symbols_.size()];
    symbols_.emplace(name, letter);
    return operand(TextView(&letter, 1)), true;
  }

  TextView text_;
  size_t at_ = 0;
  Text result_;
  bool ends_operand_ = false;
  bool has_line_end_ = false;  // since the last token
  std::map<Text, char32_t> symbols_;
};

}  // namespace

bool sympy_difference_is_zero(TextView gold, TextView given) {
  if (gold.size() + given.size() > kMostCharacters) return false;
  Rewriter rewriter;
  const auto left = rewriter.rewritten(gold);
  const auto right = rewriter.rewritten(given);
  return left && right && math::plain_expressions_equal(to_utf8(*left), to_utf8(*right));
}

}  // namespace gradus::rewards::profiles
