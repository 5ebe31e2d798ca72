#include "rewards/scores/arithmetic.h"

#include <array>

#include "base/ascii.h"

namespace gradus::rewards {
namespace {

using math::Rational;

constexpr size_t kMaxBytes = 4000;
constexpr size_t kMaxNumbers = 500;
constexpr size_t kMaxDigits = 30;

struct Spelling {
  std::string_view written;
  std::string_view plain;
};
constexpr std::array kSpellings{
    Spelling{"\u00D7", "*"},       Spelling{"\u22C5", "*"},       Spelling{"\u00B7", "*"},
    Spelling{"\u00F7", "/"},       Spelling{"\u2215", "/"},       Spelling{"\u2044", "/"},
    Spelling{"\u2212", "-"},       Spelling{"\u2013", "-"},       Spelling{"\u00A0", " "},
    Spelling{"\\times", "*"},      Spelling{"\\cdot", "*"},       Spelling{"\\div", "/"},
    Spelling{"\\left", ""},        Spelling{"\\right", ""},       Spelling{"\\frac", "\\frac"},
    Spelling{"\\dfrac", "\\frac"}, Spelling{"\\tfrac", "\\frac"}, Spelling{"\\,", " "},
    Spelling{"\\;", " "},          Spelling{"\\!", ""},           Spelling{"\\ ", " "},
    Spelling{"\t", " "},           Spelling{"\n", " "},           Spelling{"\r", " "},
};

/// The text with other spellings of signs as ASCII, and \frac{a}{b} as ((a)/(b)). What is neither
/// stays, for the evaluator to refuse.
class Plainer {
 public:
  explicit Plainer(std::string_view text) : text_(text) {}

  std::string run() && {
    while (!text_.empty()) step();
    return std::move(out_);
  }

 private:
  enum class Brace { group, numerator, denominator };

  void step() {
    for (const auto& [written, plain] : kSpellings) {
      if (!text_.starts_with(written)) continue;
      if (plain == "\\frac") return open_fraction(written.size());
      return replace(written.size(), plain);
    }
    // Full-width forms, U+FF01 to U+FF3F.
    if (text_.size() >= 3 && text_.starts_with("\xEF\xBC")) {
      const char ascii = static_cast<char>(text_[2] - '\x81' + '!');
      return replace(3, {&ascii, 1});
    }
    if (text_.front() == '{') return open(1, Brace::group, "(");
    if (text_.front() == '}' && !braces_.empty()) return close();
    replace(1, text_.substr(0, 1));
  }

  void open_fraction(size_t name_length) {
    const size_t brace = text_.find_first_not_of(' ', name_length);
    if (brace == std::string_view::npos || text_[brace] != '{') return replace(1, "\\");
    open(brace + 1, Brace::numerator, "((");
  }

  void open(size_t num_bytes, Brace brace, std::string_view plain) {
    braces_.push_back(brace);
    replace(num_bytes, plain);
  }

  void close() {
    const Brace brace = braces_.back();
    braces_.pop_back();
    if (brace == Brace::group) return replace(1, ")");
    if (brace == Brace::denominator) return replace(1, "))");
    const size_t next = text_.find_first_not_of(' ', 1);
    if (next == std::string_view::npos || text_[next] != '{') return replace(1, "}");
    open(next + 1, Brace::denominator, ")/(");
  }

  void replace(size_t num_bytes, std::string_view plain) {
    out_ += plain;
    text_.remove_prefix(num_bytes);
  }

  std::string_view text_;
  std::string out_;
  std::vector<Brace> braces_;
};

/// Shunting-yard: operators wait on a stack until one that binds less follows.
class Evaluator {
 public:
  explicit Evaluator(std::string_view text) : text_(text) {}

  ArithmeticResult run() && {
    while (result_.fault.empty() && at_ < text_.size()) step();
    if (result_.fault.empty() && !wants_operand_) finish();
    if (result_.fault.empty() && wants_operand_) fail("ends where a number is expected");
    if (result_.fault.empty() && values_.size() == 1) result_.value = values_.back();
    return std::move(result_);
  }

 private:
  void fail(std::string fault) {
    if (result_.fault.empty()) result_.fault = std::move(fault);
  }

  void step() {
    const char c = text_[at_];
    if (c == ' ') {
      ++at_;
    } else if (wants_operand_) {
      read_operand(c);
    } else {
      read_operator(c);
    }
  }

  void read_operand(char c) {
    if (is_digit(c)) return read_number();
    if (c != '(' && c != '-' && c != '+') return fail_at();
    ++at_;
    // A sign binds tighter than * and is kept as an operator of its own: 'n' negates.
    if (c == '(') operators_.push_back('(');
    if (c == '-') operators_.push_back('n');
  }

  void read_number() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    const std::string_view digits = text_.substr(begin, at_ - begin);
    if (digits.size() > kMaxDigits) return fail("a number has more than 30 digits");
    if (result_.numbers.size() == kMaxNumbers) return fail("has more than 500 numbers");
    const Rational value = *Rational::from_decimal(digits);
    result_.numbers.push_back(value);
    values_.push_back(value);
    wants_operand_ = false;
  }

  void read_operator(char c) {
    if (c == ')') return close();
    if (c != '+' && c != '-' && c != '*' && c != '/') return fail_at();
    ++at_;
    while (!operators_.empty() && precedence(operators_.back()) >= precedence(c)) apply_last();
    operators_.push_back(c);
    wants_operand_ = true;
  }

  void close() {
    while (!operators_.empty() && operators_.back() != '(') apply_last();
    if (operators_.empty()) return fail("a bracket is closed that was not opened");
    operators_.pop_back();
    ++at_;
  }

  void finish() {
    while (result_.fault.empty() && !operators_.empty()) {
      if (operators_.back() == '(') return fail("a bracket is not closed");
      apply_last();
    }
  }

  static int precedence(char op) {
    if (op == 'n') return 3;
    if (op == '*' || op == '/') return 2;
    return op == '(' ? 0 : 1;
  }

  void apply_last() {
    const char op = operators_.back();
    operators_.pop_back();
    if (!result_.fault.empty()) return;
    if (op == 'n') {
      values_.back() = -values_.back();
      return;
    }
    const Rational right = values_.back();
    values_.pop_back();
    Rational& left = values_.back();
    if (op == '+') left += right;
    if (op == '-') left = left - right;
    if (op == '*') left *= right;
    if (op != '/') return;
    if (right.is_zero()) return fail("division by zero");
    left = left / right;
  }

  void fail_at() { fail("is no arithmetic at character " + std::to_string(at_ + 1)); }

  std::string_view text_;
  size_t at_ = 0;
  bool wants_operand_ = true;
  std::vector<Rational> values_;
  std::vector<char> operators_;
  ArithmeticResult result_;
};

}  // namespace

ArithmeticResult evaluate_arithmetic(std::string_view text) {
  if (text.size() > kMaxBytes) return {std::nullopt, {}, "is longer than 4000 bytes"};
  const std::string plain = Plainer(text).run();
  return Evaluator(plain).run();
}

}  // namespace gradus::rewards
