#include "rewards/graders/formula.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/printable.h"

namespace gradus::rewards::graders {

class FormulaParser {
 public:
  FormulaParser(std::string_view text, Formula& formula) : text_(text), formula_(formula) {}

  void parse() {
    sum();
    if (peek() != '\0' || at_ < text_.size()) refuse("has " + here() + " behind its end");
  }

 private:
  using Operation = Formula::Operation;

  struct Function {
    std::string_view name;
    Operation operation;
    bool takes_many;
  };

  static constexpr std::array kFunctions{
      Function{"min", Operation::min, true},    Function{"max", Operation::max, true},
      Function{"abs", Operation::abs, false},   Function{"floor", Operation::floor, false},
      Function{"ceil", Operation::ceil, false}, Function{"exp", Operation::exp, false},
      Function{"sqrt", Operation::sqrt, false}, Function{"log", Operation::log, false},
  };

  void sum() {
    product();
    for (char sign = peek(); sign == '+' || sign == '-'; sign = peek()) {
      ++at_;
      product();
      put(sign == '+' ? Operation::add : Operation::subtract);
    }
  }

  void product() {
    signed_power();
    for (char sign = peek(); sign == '*' || sign == '/'; sign = peek()) {
      ++at_;
      signed_power();
      put(sign == '*' ? Operation::multiply : Operation::divide);
    }
  }

  void signed_power() {
    const bool is_negative = peek() == '-';
    if (is_negative) ++at_;
    power();
    if (is_negative) put(Operation::negate);
  }

  void power() {
    enter();
    atom();
    if (peek() == '^') {
      ++at_;
      signed_power();
      put(Operation::power);
    }
    --depth_;
  }

  void atom() {
    const char c = peek();
    if ((c >= '0' && c <= '9') || c == '.') return number();
    if (is_name_start(c)) return name();
    if (c != '(') refuse("has " + here() + " where a number, a name or ( belongs");
    ++at_;
    sum();
    close("(");
  }

  void number() {
    double value = 0;
    const char* begin = text_.data() + at_;
    const auto result = std::from_chars(begin, text_.data() + text_.size(), value);
    if (result.ec != std::errc()) refuse("has no number that can be held at byte " + place());
    at_ += static_cast<size_t>(result.ptr - begin);
    formula_.steps_.push_back({Operation::number, value, 0});
  }

  void name() {
    const size_t start = at_;
    while (at_ < text_.size() && is_name_part(text_[at_])) ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if (peek() == '(') return call(word, start);
    auto& names = formula_.names_;
    auto known = std::find(names.begin(), names.end(), word);
    const auto index = static_cast<size_t>(known - names.begin());
    if (known == names.end()) names.emplace_back(word);
    formula_.steps_.push_back({Operation::name, 0, index});
  }

  void call(std::string_view word, size_t start) {
    const auto* function = std::find_if(kFunctions.begin(), kFunctions.end(),
                                        [&](const Function& f) { return f.name == word; });
    if (function == kFunctions.end()) {
      at_ = start;
      refuse("calls \"" + printable(word, 60) + "\" at byte " + place() +
             ", which is no function; there are min, max, abs, floor, ceil, exp, sqrt and log");
    }
    ++at_;
    size_t count = 0;
    while (true) {
      sum();
      ++count;
      if (peek() != ',') break;
      ++at_;
    }
    if (count > 1 && !function->takes_many) {
      refuse("gives " + std::string(word) + " " + std::to_string(count) +
             " arguments, it takes one");
    }
    close(word);
    formula_.steps_.push_back({function->operation, 0, count});
  }

  void close(std::string_view opened) {
    if (peek() != ')')
      refuse("has " + here() + " where ) of \"" + std::string(opened) + "\" belongs");
    ++at_;
  }

  void put(Operation operation) { formula_.steps_.push_back({operation, 0, 0}); }

  void enter() {
    if (++depth_ > Formula::kMaxDepth) {
      refuse("is nested deeper than " + std::to_string(Formula::kMaxDepth) + " at byte " + place());
    }
  }

  char peek() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  static bool is_name_start(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  }
  static bool is_name_part(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

  std::string place() const { return std::to_string(at_); }

  std::string here() const {
    if (at_ >= text_.size()) return "its end";
    return "\"" + printable(text_.substr(at_, 1), 20) + "\" at byte " + place();
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw FormulaError("the formula " + why);
  }

  std::string_view text_;
  Formula& formula_;
  size_t at_ = 0;
  int depth_ = 0;
};

Formula::Formula(std::string_view text) {
  if (text.size() > kMaxBytes) {
    throw FormulaError("the formula has " + std::to_string(text.size()) + " bytes, at most " +
                       std::to_string(kMaxBytes) + " are read");
  }
  FormulaParser(text, *this).parse();
}

/// The values of the steps so far. The first fault of them all is kept.
class FormulaStack {
 public:
  FormulaStack(std::span<const double> values, size_t num_steps) : values_(values) {
    stack_.reserve(num_steps);
  }

  void take(const Formula::Step& step) {
    switch (step.operation) {
      case Operation::number:
        return stack_.push_back(step.number);
      case Operation::name:
        return stack_.push_back(values_[step.count]);
      case Operation::add:
      case Operation::subtract:
      case Operation::multiply:
      case Operation::divide:
      case Operation::power:
        return combine(step.operation);
      case Operation::min:
      case Operation::max:
        return choose(step.operation == Operation::min, step.count);
      default:
        return apply(step.operation);
    }
  }

  Formula::Result result() && {
    const double value = stack_.back();
    note(!std::isfinite(value), "has no finite value");
    return {fault_.empty() ? value : 0.0, std::move(fault_)};
  }

 private:
  using Operation = Formula::Operation;

  void note(bool is_fault, const char* why) {
    if (is_fault && fault_.empty()) fault_ = why;
  }

  double pop() {
    const double top = stack_.back();
    stack_.pop_back();
    return top;
  }

  void apply(Operation operation) {
    double& value = stack_.back();
    if (operation == Operation::negate) value = -value;
    if (operation == Operation::abs) value = std::abs(value);
    if (operation == Operation::floor) value = std::floor(value);
    if (operation == Operation::ceil) value = std::ceil(value);
    if (operation == Operation::exp) value = std::exp(value);
    if (operation == Operation::sqrt) {
      note(value < 0, "takes the square root of a negative number");
      value = std::sqrt(value);
    }
    if (operation == Operation::log) {
      note(value <= 0, "takes the logarithm of a number that is not positive");
      value = std::log(value);
    }
  }

  void choose(bool smallest, size_t count) {
    for (size_t i = 1; i < count; ++i) {
      const double right = pop();
      stack_.back() = smallest ? std::min(stack_.back(), right) : std::max(stack_.back(), right);
    }
  }

  void combine(Operation operation) {
    const double right = pop();
    double& left = stack_.back();
    if (operation == Operation::add) left += right;
    if (operation == Operation::subtract) left -= right;
    if (operation == Operation::multiply) left *= right;
    if (operation == Operation::power) {
      note(left < 0 && right != std::trunc(right), "raises a negative number to a fraction");
      note(left == 0 && right < 0, "divides by zero");
      left = std::pow(left, right);
    }
    if (operation == Operation::divide) {
      note(right == 0, "divides by zero");
      left /= right;
    }
  }

  std::span<const double> values_;
  std::vector<double> stack_;
  std::string fault_;
};

Formula::Result Formula::evaluate(std::span<const double> values) const {
  FormulaStack stack(values, steps_.size());
  for (const Step& step : steps_) stack.take(step);
  return std::move(stack).result();
}

}  // namespace gradus::rewards::graders
