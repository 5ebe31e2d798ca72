#include "rewards/math/lexer.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "rewards/math/commands.h"
#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

constexpr int64_t kLargestExponent = 20'000;

class Lexer {
 public:
  Lexer(TokenList& list, const NumberStyle& style)
      : list_(list), tokens_(list.tokens), text_(list.source), style_(style) {
    tokens_.reserve(std::min(kMaxTokens, text_.size()) + 8);
  }

  bool run(std::string& reason) && {
    while (at_ < text_.size() && reason_ == nullptr) {
      if (tokens_.size() >= kMaxTokens) reason_ = "longer than 200,000 tokens";
      step();
    }
    if (reason_ != nullptr) reason = reason_;
    push(TokenKind::end, "");
    return reason_ == nullptr;
  }

 private:
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool looking_at(std::string_view what, size_t at) const {
    return text_.substr(std::min(at, text_.size()), what.size()) == what;
  }

  void push(TokenKind kind, std::string_view text) {
    Token token;
    token.kind = kind;
    token.text = text;
    token.sign = kind == TokenKind::symbol && text.size() == 1 ? text[0] : '\0';
    token.space_before = has_space_;
    token.at = static_cast<uint32_t>(at_);
    has_space_ = false;
    tokens_.push_back(std::move(token));
  }

  std::string_view made(std::string text) {
    list_.made.push_back(std::move(text));
    return list_.made.back();
  }

  void step() {
    const char c = peek();
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '$' || c == '~') {
      has_space_ = true;
      ++at_;
    } else if (c == '\\') {
      command();
    } else if (is_digit(c) || (c == '.' && (is_digit(peek(1)) || is_overline(at_ + 1)))) {
      number();
    } else if (is_letter(c)) {
      letters();
    } else if (is_measure_word_here()) {
      measure_word();
    } else {
      symbol();
    }
  }

  /// 6元, 6 個: letters of other scripts right behind a number.
  bool is_measure_word_here() const {
    const bool follows_number = static_cast<unsigned char>(peek()) >= 0xC0 && !tokens_.empty() &&
                                tokens_.back().kind == TokenKind::number;
    if (!follows_number) return false;
    for (const std::string_view denial : {"不", "非", "错", "錯", "没", "沒", "否"}) {
      if (text_.substr(at_, 60).find(denial) != std::string_view::npos) return false;
    }
    return true;
  }

  void measure_word() {
    size_t end = at_;
    while (end < text_.size() && static_cast<unsigned char>(text_[end]) >= 0x80) ++end;
    push(TokenKind::text, text_.substr(at_, end - at_));
    at_ = end;
  }

  void symbol() {
    static constexpr std::array<std::string_view, 6> kLonger{"<=", ">=", "!=", "**", "...", "=="};
    for (const std::string_view longer : kLonger) {
      if (peek() != longer[0] || !looking_at(longer, at_)) continue;
      push(TokenKind::symbol, longer == "==" ? "=" : longer);
      at_ += longer.size();
      return;
    }
    const bool is_column_of_lines = peek() == '&' && !alignments_.empty() && alignments_.back();
    if (is_column_of_lines) {
      has_space_ = true;
    } else {
      push_symbol(text_.substr(at_, 1));
    }
    ++at_;
  }

  void push_symbol(std::string_view text) {
    const char c = text.back();
    if (c == '(' || c == '[' || c == '{') ++depth_;
    if ((c == ')' || c == ']' || c == '}') && depth_ > 0) --depth_;
    push(TokenKind::symbol, text);
  }

  void letters() {
    size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const size_t joiner = glued_joiner(text_, at_, text_.substr(at_, end - at_));
    if (joiner > 0) end = at_ + joiner;
    const auto kind = end - at_ == 1 ? TokenKind::letter : TokenKind::word;
    push(kind, text_.substr(at_, end - at_));
    at_ = end;
  }

  void command() {
    const char next = peek(1);
    if (is_letter(next)) return named_command();
    if (next == '\\') {
      // A doubled backslash before a name is one that was escaped twice, but in a matrix a new row.
      if (alignments_.empty()) {
        ++at_;
        has_space_ = true;
        if (is_letter(peek(1))) return;
        if (depth_ == 0 && parts_lines(at_ + 1)) push(TokenKind::symbol, ",");
        ++at_;
        return;
      }
      const bool continues = alignments_.back() && relation_follows(at_ + 2);
      if (!continues) push(TokenKind::symbol, "\\\\");
      at_ += 2;
      skip_row_space();
      return;
    } else if (next == '{' || next == '}') {
      push_symbol(text_.substr(at_, 2));
    } else if (next == '|') {
      push(TokenKind::symbol, "|");
    } else if (next == '$' && is_money_here()) {
      push(TokenKind::symbol, text_.substr(at_, 2));
    } else if (next == '%' || next == '&' || next == '_') {
      push(TokenKind::symbol, text_.substr(at_ + 1, 1));
    } else {
      has_space_ = true;  // \, \; \! \$ \( \) \[ \] and a lone backslash
    }
    at_ += at_ + 1 < text_.size() ? 2 : 1;
  }

  /// "x = 5 \\ y = 6": a line's end between two answers, not within one.
  bool parts_lines(size_t at) const {
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\n')) ++at;
    if (at >= text_.size() || tokens_.empty()) return false;
    const auto is_open = [](const Token& token) {
      return token.kind == TokenKind::symbol &&
             std::string_view("+-*/=<>,;:(").find(token.text) != std::string_view::npos;
    };
    return is_letter_or_digit(text_[at]) && !is_open(tokens_.back());
  }

  /// In aligned lines "x &= 5+5 \\ &= 10" the second goes on with the first.
  bool relation_follows(size_t at) const {
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '&' || text_[at] == '\n')) ++at;
    for (const std::string_view relation : {"=", "<", ">", "\\le", "\\ge", "\\approx", "\\equiv"}) {
      if (looking_at(relation, at)) return !looking_at("\\left", at);
    }
    return false;
  }

  void named_command() {
    size_t end = at_ + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    if (is_spacing(name) || is_transparent(name)) {
      has_space_ = true;
      at_ = end;
      if (name == "left" || name == "right" || name == "middle") skip_empty_delimiter();
      if (name == "left") skip_brace_of_system();
    } else if (is_dressing(name)) {
      has_space_ = true;
      at_ = end;
      argument();
    } else if (const std::string_view symbol = symbol_named(name); !symbol.empty()) {
      push_symbol(symbol);
      at_ = end;
    } else if (name == "not" && looking_at("=", text_.find_first_not_of(' ', end))) {
      push(TokenKind::symbol, "!=");
      at_ = text_.find('=', end) + 1;
    } else if (is_text_command(name)) {
      at_ = end;
      text_argument();
    } else if (name == "begin" || name == "end") {
      at_ = end;
      environment(name);
    } else {
      push(TokenKind::command, name);
      at_ = end;
    }
  }

  void skip_empty_delimiter() {
    if (peek() == '.') ++at_;
  }

  /// \$5: the sign of a currency in front of its number.
  bool is_money_here() const {
    size_t at = at_ + 2;
    while (at < text_.size() && text_[at] == ' ') ++at;
    return at < text_.size() && (is_digit(text_[at]) || text_[at] == '.');
  }

  /// \left\{ before lines under each other is closed by \right. and groups nothing.
  void skip_brace_of_system() {
    const size_t brace = std::min(text_.find_first_not_of(' ', at_), text_.size());
    if (!looking_at("\\{", brace)) return;
    if (looking_at("\\begin", text_.find_first_not_of(' ', brace + 2))) at_ = brace + 2;
  }

  /// The [4pt] of a new row.
  void skip_row_space() {
    if (peek() != '[' || !is_digit(peek(1))) return;
    size_t end = at_ + 1;
    while (end < text_.size() && (is_digit(text_[end]) || text_[end] == '.')) ++end;
    const size_t unit = end;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    if (end > unit && end < text_.size() && text_[end] == ']') at_ = end + 1;
  }

  /// The inside of the braces at `at_`, which it passes; one character where there are none.
  std::string_view argument() {
    while (peek() == ' ') ++at_;
    if (peek() != '{') return {};
    const size_t begin = at_ + 1;
    int depth = 0;
    for (size_t i = at_; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '{') {
        ++depth;
      } else if (text_[i] == '}' && --depth == 0) {
        at_ = i + 1;
        return text_.substr(begin, i - begin);
      }
    }
    at_ = text_.size();
    return text_.substr(begin);
  }

  void text_argument() {
    std::string_view inside = argument();
    while (!inside.empty() && (inside.front() == ' ' || inside.front() == '~'))
      inside.remove_prefix(1);
    while (!inside.empty() && (inside.back() == ' ' || inside.back() == '~'))
      inside.remove_suffix(1);
    if (inside.empty()) {
      has_space_ = true;
    } else if (inside.size() == 1 && is_letter(inside[0]) && !is_unit_here(inside[0])) {
      push(TokenKind::letter, inside);
    } else {
      push(TokenKind::text, inside);
    }
  }

  /// 5 \text{m}: a metre behind a number, not the letter.
  bool is_unit_here(char letter) const {
    const bool is_unit = letter == 'm' || letter == 's' || letter == 'g' || letter == 'h' ||
                         letter == 'l' || letter == 'L';
    return is_unit && !tokens_.empty() &&
           (tokens_.back().kind == TokenKind::number || tokens_.back().sign == '}');
  }

  void environment(std::string_view which) {
    std::string name(argument());
    if ((name == "array" || name == "alignedat") && which == "begin") argument();
    if (which == "begin") {
      alignments_.push_back(is_alignment(name));
      if (alignments_.back()) name = "lines";
    } else if (!alignments_.empty()) {
      if (alignments_.back()) name = "lines";
      alignments_.pop_back();
    }
    push(TokenKind::command, made(std::string(which) + ":" + name));
  }

  // --- numbers ---

  /// 14 {, }916: the size of a comma in braces, with spaces around; 0: there is none.
  size_t braced_comma(size_t at) const {
    const size_t begin = at;
    const auto skip = [&] {
      while (at < text_.size() && text_[at] == ' ') ++at;
    };
    for (const char c : {'{', ',', '}'}) {
      skip();
      if (at >= text_.size() || text_[at] != c) return 0;
      ++at;
    }
    skip();
    return at - begin;
  }

  /// Whether the run of digits and commas around `at` is one number: 12,345,678, but neither
  /// 98,99,100 nor 10,100,1000.
  bool is_grouped_run(size_t at) const {
    const auto belongs = [&](size_t i) { return is_digit(text_[i]) || text_[i] == ','; };
    if (at >= run_end_) {
      size_t begin = at;
      while (begin > 0 && belongs(begin - 1)) --begin;
      run_end_ = at;
      while (run_end_ < text_.size() && belongs(run_end_)) ++run_end_;
      size_t end = run_end_;
      while (end > at && text_[end - 1] == ',') --end;
      is_run_grouped_ = true;
      size_t group = 0;
      bool is_first = true;
      for (size_t i = begin; i <= end; ++i) {
        if (i < end && text_[i] != ',') {
          ++group;
          continue;
        }
        is_run_grouped_ = is_run_grouped_ && (is_first ? group >= 1 && group <= 3 : group == 3);
        is_first = false;
        group = 0;
      }
    }
    return is_run_grouped_;
  }

  /// Bytes of a thousands separator at `at`, if three digits and no fourth follow it; else 0.
  size_t group_separator(size_t at, std::string_view digits_before) const {
    if (digits_before.size() > 3 || digits_before == "0") return 0;
    // The index of log_2 256 ends with its digit.
    if (!tokens_.empty() && (tokens_.back().sign == '_' || tokens_.back().sign == '^')) return 0;
    size_t size = 0;
    if (const size_t braced = braced_comma(at)) {
      size = braced;
    } else if (looking_at(",{}", at) || looking_at("\\!,", at)) {
      size = 3;
    } else if (looking_at("{\\,}", at)) {
      size = 4;
    } else if (looking_at(",\\!", at)) {
      size = 3;
      while (at + size < text_.size() && text_[at + size] == ' ') ++size;
    } else if (looking_at("\\,", at) || looking_at("\\ ", at) || looking_at("\\;", at) ||
               looking_at("{ }", at)) {
      size = looking_at("{ }", at) ? 3 : 2;
    } else if (at < text_.size() && (text_[at] == ',' || text_[at] == '\'') &&
               (text_[at] == '\'' || (depth_ == 0 && style_.commas_group &&
                                      !style_.comma_is_decimal && is_grouped_run(at)))) {
      size = 1;
    } else if (at < text_.size() && (text_[at] == ' ' || text_[at] == '~') && depth_ == 0) {
      size = 1;
      if (text_.size() > at + 4 && text_[at + 4] == '/') return 0;  // a mixed number
    }
    if (size == 0) return 0;
    for (size_t i = 0; i < 3; ++i) {
      if (at + size + i >= text_.size() || !is_digit(text_[at + size + i])) return 0;
    }
    const size_t after = at + size + 3;
    return after < text_.size() && is_digit(text_[after]) ? 0 : size;
  }

  /// Digits; {} between them is nothing.
  std::string digits() {
    std::string result;
    while (true) {
      const size_t begin = at_;
      while (is_digit(peek())) ++at_;
      result += text_.substr(begin, at_ - begin);
      if (result.empty() || !looking_at("{}", at_) || !is_digit(peek(2))) return result;
      at_ += 2;
    }
  }

  /// 1.234,56 and 1.234.567: points group, and a comma is the decimal sign.
  bool european(std::string& whole, std::string& decimals) {
    size_t at = at_;
    size_t num_groups = 0;
    std::string digits = whole;
    while (digits.size() <= 3 + num_groups * 3 && at < text_.size() && text_[at] == '.') {
      if (at + 3 >= text_.size()) break;
      if (!is_digit(text_[at + 1]) || !is_digit(text_[at + 2]) || !is_digit(text_[at + 3])) break;
      if (at + 4 < text_.size() && is_digit(text_[at + 4])) break;
      digits.append(text_, at + 1, 3);
      at += 4;
      ++num_groups;
    }
    const bool has_comma = at + 1 < text_.size() && text_[at] == ',' && is_digit(text_[at + 1]);
    if (num_groups == 0 || whole.size() > 3 || (num_groups == 1 && !has_comma)) return false;
    if (depth_ > 0 && num_groups == 1) return false;
    whole = digits;
    at_ = at;
    if (has_comma) {
      ++at_;
      decimals = this->digits();
    }
    return true;
  }

  /// The usual case: a few digits and nothing that could belong to them.
  bool plain_digits() {
    size_t end = at_;
    int64_t value = 0;
    while (end < text_.size() && is_digit(text_[end]) && end - at_ < 17) {
      value = value * 10 + (text_[end++] - '0');
    }
    const char after = end < text_.size() ? text_[end] : '\0';
    const bool ends = after == '\0' || after == '+' || after == '-' || after == '*' ||
                      after == '/' || after == '^' || after == ')' || after == '}' ||
                      after == '=' || after == '&';
    if (!ends) return false;
    push(TokenKind::number, text_.substr(at_, end - at_));
    tokens_.back().value = Rational(value);
    at_ = end;
    return true;
  }

  void number() {
    const size_t begin = at_;
    const bool had_space = has_space_;
    if (plain_digits()) return;
    std::string whole = digits();
    std::string decimals;
    bool is_decimal = false;
    if (european(whole, decimals)) {
      is_decimal = !decimals.empty();
    } else {
      std::string group = whole;
      while (const size_t size = group_separator(at_, group)) {
        at_ += size;
        group = digits();
        whole += group;
      }
      const bool has_comma = style_.comma_is_decimal && peek() == ',' && is_digit(peek(1));
      const size_t braced = whole.empty() ? 0 : braced_comma(at_);  // 3{,}14
      const bool has_braced = braced > 0 && is_digit(peek(braced));
      const bool has_point =
          peek() == '.' && !looking_at("...", at_) &&
          (is_digit(peek(1)) || (!is_letter(peek(1)) && !whole.empty()) || is_overline(at_ + 1));
      if (has_comma || has_point || has_braced) {
        at_ += has_braced ? braced : 1;
        decimals = digits();
        is_decimal = has_comma || !decimals.empty() || is_overline(at_) || is_period_here();
      }
    }
    if (whole.size() + decimals.size() > kMaxDigits) {
      reason_ = "a number of more than 20,000 digits";
      return;
    }
    Rational value =
        *Rational::from_decimal(decimals.empty() ? (whole.empty() ? "0" : whole)
                                                 : (whole.empty() ? "0" : whole) + "." + decimals);
    const bool is_repeating =
        is_decimal && (repeating(value, decimals.size()) || goes_on(value, decimals));
    const int64_t exponent = exponent_part();
    if (exponent != 0 && std::abs(exponent) <= kLargestExponent) {
      value = value * Rational::power_of_ten(exponent);
    }
    has_space_ = had_space;
    const size_t end = at_;
    at_ = begin;
    push(TokenKind::number, text_.substr(begin, end - begin));
    at_ = end;
    tokens_.back().value = value;
    tokens_.back().is_decimal = is_decimal && !is_repeating;
    if (std::abs(exponent) > kLargestExponent) power_of_ten(exponent);
  }

  /// An exponent too large to be written out stays a power.
  void power_of_ten(int64_t exponent) {
    for (const std::string_view text : {"*", "10", "^", "("}) {
      push(text == "10" ? TokenKind::number : TokenKind::symbol, text);
      if (text == "10") tokens_.back().value = Rational(10);
    }
    push(TokenKind::number, made(std::to_string(exponent)));
    tokens_.back().value = Rational(exponent);
    push(TokenKind::symbol, ")");
  }

  bool is_overline(size_t at) const {
    return looking_at("\\overline{", at) || looking_at("\\bar{", at) || looking_at("\\dot{", at);
  }

  /// The (3) of 0.(3).
  bool is_period_here() const {
    size_t end = at_ + 1;
    if (peek() != '(') return false;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    return end > at_ + 1 && end < text_.size() && text_[end] == ')';
  }

  /// Reads \overline{142857} behind decimals, or the (3) of 0.(3), and adds the value of the
  /// repetition. In 2.5(3) the brackets multiply.
  bool repeating(Rational& value, size_t num_decimals) {
    const bool is_bracketed = num_decimals == 0 && is_period_here();
    if (!is_overline(at_) && !is_bracketed) return false;
    const size_t open = is_bracketed ? at_ : text_.find('{', at_);
    size_t end = open + 1;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    if (end == open + 1 || end >= text_.size()) return false;
    if (text_[end] != (is_bracketed ? ')' : '}')) return false;
    const std::string_view period = text_.substr(open + 1, end - open - 1);
    if (period.size() > 1000 || num_decimals > 1000) return false;
    const Rational nines =
        Rational::power_of_ten(static_cast<int64_t>(period.size())) - Rational(1);
    const Rational shift = Rational::power_of_ten(-static_cast<int64_t>(num_decimals));
    value = value + *Rational::from_decimal(period) / nines * shift;
    at_ = end + 1;
    return true;
  }

  /// 0.333... and 0.1818\ldots: the digits that come again at the end go on for ever.
  bool goes_on(Rational& value, std::string_view decimals) {
    constexpr size_t kLongestPeriod = 12;
    size_t size = 0;
    for (const std::string_view dots : {"...", "\\ldots", "\\dots", "\\cdots"}) {
      if (looking_at(dots, at_)) size = dots.size();
    }
    if (size == 0 || decimals.size() > 1000) return false;
    for (size_t period = 1; period <= std::min(kLongestPeriod, decimals.size() / 2); ++period) {
      const std::string_view last = decimals.substr(decimals.size() - period);
      if (!decimals.substr(0, decimals.size() - period).ends_with(last)) continue;
      const Rational nines = Rational::power_of_ten(static_cast<int64_t>(period)) - Rational(1);
      const Rational shift = Rational::power_of_ten(-static_cast<int64_t>(decimals.size()));
      value = value + *Rational::from_decimal(last) / nines * shift;
      at_ += size;
      return true;
    }
    return false;
  }

  /// e5, E-3 right behind a number and not followed by a letter; 0 where there is none.
  int64_t exponent_part() {
    if (peek() != 'e' && peek() != 'E') return 0;
    size_t end = at_ + 1;
    if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
    const size_t first = end;
    while (end < text_.size() && is_digit(text_[end]) && end - first < 10) ++end;
    if (end == first || (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end])))) {
      return 0;
    }
    const int64_t size = std::stoll(std::string(text_.substr(first, end - first)));
    const bool is_negative = text_[at_ + 1] == '-';
    at_ = end;
    return is_negative ? -size : size;
  }

  TokenList& list_;
  std::vector<Token>& tokens_;
  std::string_view text_;
  NumberStyle style_;
  const char* reason_ = nullptr;  // of a limit that was met
  size_t at_ = 0;
  mutable size_t run_end_ = 0;  // of the run that is_grouped_run looked at last
  mutable bool is_run_grouped_ = false;
  int depth_ = 0;                 // of brackets, in which a comma separates
  std::vector<bool> alignments_;  // open environments, and whether they only set lines
  bool has_space_ = false;
};

}  // namespace

bool tokenize(TokenList& list, const NumberStyle& style, std::string& reason) {
  return Lexer(list, style).run(reason);
}

}  // namespace gradus::rewards::math
