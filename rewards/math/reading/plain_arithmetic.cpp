#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {
namespace {

/// Plain arithmetic: a run starts and ends with a digit, point, bracket, sign or currency.
class ArithmeticFinder {
 public:
  explicit ArithmeticFinder(std::string_view text) : text_(text) {}

  std::vector<Span> run() && {
    while (at_ < text_.size()) {
      if (!is_digit(text_[at_])) {
        ++at_;
        continue;
      }
      if (is_in_word()) {
        while (at_ < text_.size() && (is_digit(text_[at_]) || is_letter(text_[at_]))) ++at_;
        continue;
      }
      one();
    }
    return std::move(spans_);
  }

 private:
  /// AZYUK2A holds no 2; x2 and 2x do not either, but 12cm and 1e5 do.
  bool is_in_word() const {
    return at_ > 0 && (is_letter(text_[at_ - 1]) || text_[at_ - 1] == '_');
  }

  /// Bytes of something that joins numbers at `i`: an operator in ASCII or UTF-8, or a space.
  size_t operator_at(size_t i) const {
    const char c = text_[i];
    if (c == '+' || c == '-' || c == '/' || c == '^' || c == '=' || c == '(' || c == ')' ||
        c == '.' || c == ',' || c == '\'' || c == '%' || c == ':') {
      return 1;
    }
    if (c == '*') return 1;
    if (c == '$') return 1;
    for (const std::string_view sign :
         {"×", "÷", "−", "–", "·", "€", "£", "≈", "⁄", "√", " ", "\xE2\x80\xAF", "\xE2\x80\x89"}) {
      if (text_.substr(i, sign.size()) == sign) return sign.size();
    }
    // 1’234
    if (text_.substr(i, 3) == "’" && i + 3 < text_.size() && is_digit(text_[i + 3])) return 3;
    if (text_.substr(i, 3) == "\\%") return 2;
    return 0;
  }

  /// Bytes of a sign that ends a number at `i`: a bracket, a superscript, pi.
  size_t closing_at(size_t i) const {
    if (text_[i] == ')' || text_[i] == '%') return 1;
    for (const std::string_view sign : {"²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹", "⁰", "¹", "π"}) {
      if (text_.substr(i, sign.size()) == sign) return sign.size();
    }
    return braced_power_at(i);
  }

  /// "^{10}" of "2^{10}".
  size_t braced_power_at(size_t i) const {
    constexpr size_t kMaxPower = 32;
    if (text_.substr(i, 2) != "^{") return 0;
    const std::string_view power = text_.substr(i + 2, kMaxPower);
    const size_t close = power.find_first_of("{}\n");
    const bool is_closed = close != std::string_view::npos && power[close] == '}';
    return is_closed ? close + 3 : 0;
  }

  /// "5 (3" of "5 (3 of them red)": the end of what stands before the bracket.
  size_t before_open_bracket(size_t begin, size_t last) const {
    const size_t open = text_.substr(begin, last - begin).rfind('(');
    if (open == std::string_view::npos) return last;
    size_t end = begin + open;
    while (end > begin && text_[end - 1] == ' ') --end;
    return end > begin && is_digit(text_[end - 1]) ? end : last;
  }

  void one() {
    const size_t begin = begin_of_run();
    auto depth = std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin),
                            text_.begin() + static_cast<std::ptrdiff_t>(at_), '(');
    size_t last = end_of_run(depth);
    if (depth > 0) last = before_open_bracket(begin, last);
    const Span span{begin, last, text_.substr(begin, last - begin)};
    // 2x is no number, 12cm is.
    const bool runs_into_word =
        last < text_.size() && is_letter(text_[last]) && !is_unit_behind(last);
    if (!runs_into_word) spans_.push_back(span);
    keep_last(spans_);
    last_end_ = last;
    at_ = std::max(last, at_ + 1);
  }

  /// With the signs in front of the first digit.
  size_t begin_of_run() const {
    size_t begin = at_;
    while (begin > last_end_) {
      const char c = text_[begin - 1];
      if (c == '-' || c == '+' || c == '.' || c == '(') {
        --begin;
        continue;
      }
      const std::string_view sign = begin >= 3 ? text_.substr(begin - 3, 3) : std::string_view();
      if (sign != "−" && sign != "√") break;
      begin -= sign.size();
    }
    return begin;
  }

  /// Behind the last digit or closing sign. `depth` counts the brackets that are open.
  size_t end_of_run(std::ptrdiff_t& depth) const {
    size_t end = at_;
    size_t last = at_;
    while (end < text_.size() && text_[end] != '\n' && text_[end] != '\r') {
      const char c = text_[end];
      if (is_digit(c)) {
        last = ++end;
        continue;
      }
      if (c == ' ' || is_exponent_mark(end) || is_times_sign(end)) {
        ++end;
        continue;
      }
      // A full stop before a space ends a sentence, two stars are bold type.
      const bool ends_sentence = (c == '.' || c == ',' || c == ':') &&
                                 (end + 1 >= text_.size() || !is_digit(text_[end + 1]));
      if (ends_sentence) break;
      if (const size_t closing = closing_at(end)) {
        if (c == ')' && std::exchange(depth, depth - 1) == 0) break;  // "(or 6)"
        last = end += closing;
        continue;
      }
      if (c == '(') ++depth;
      const size_t size = operator_at(end);
      if (size == 0) break;
      end += size;
    }
    return last;
  }

  /// The e of 1e5 and 1e-5.
  bool is_exponent_mark(size_t i) const {
    if (text_[i] != 'e' && text_[i] != 'E') return false;
    if (!is_digit(text_[i - 1]) || i + 1 >= text_.size()) return false;
    return is_digit(text_[i + 1]) ||
           (text_[i + 1] == '-' && i + 2 < text_.size() && is_digit(text_[i + 2]));
  }

  /// The x of "2 x 3".
  bool is_times_sign(size_t i) const {
    return text_[i] == 'x' && text_[i - 1] == ' ' && i + 2 < text_.size() && text_[i + 1] == ' ' &&
           is_digit(text_[i + 2]);
  }

  bool is_unit_behind(size_t at) const {
    size_t end = at;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    return end - at >= 2 || text_[at] == 'm' || text_[at] == 'g' || text_[at] == 's' ||
           text_[at] == 'h';
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t last_end_ = 0;
  std::vector<Span> spans_;
};

}  // namespace

std::vector<Span> find_arithmetic(std::string_view text) {
  return ArithmeticFinder(text).run();
}

}  // namespace gradus::rewards::math
