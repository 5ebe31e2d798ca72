#include "rewards/scores/arithmetic.h"

#include "base/ascii.h"
#include "rewards/answers/math_text.h"

namespace gradus::rewards {
namespace {

constexpr size_t kMaxBytes = 4000;
constexpr size_t kMaxNumbers = 500;
constexpr size_t kMaxDigits = 30;

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
    const std::string digits(text_.substr(begin, at_ - begin));
    if (digits.size() > kMaxDigits) return fail("a number has more than 30 digits");
    if (result_.numbers.size() == kMaxNumbers) return fail("has more than 500 numbers");
    const auto first = digits.find_first_not_of('0');
    const Rational value(first == std::string::npos ? "0" : digits.substr(first));
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
    if (op == '-') left -= right;
    if (op == '*') left *= right;
    if (op != '/') return;
    if (right == 0) return fail("division by zero");
    left /= right;
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
  const std::string plain = plain_math_text(text);
  return Evaluator(plain).run();
}

}  // namespace gradus::rewards
