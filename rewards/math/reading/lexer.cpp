#include "rewards/math/reading/lexer.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/commands.h"
#include "rewards/math/reading/number_reader.h"

namespace gradus::rewards::math {
namespace {

class Lexer {
 public:
  Lexer(TokenList& list, const NumberStyle& style)
      : list_(list), tokens_(list.tokens), text_(list.source), numbers_(list.source, style) {
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
    token.is_bold = at_ < bold_end_;
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
    } else if (is_digit(c) || (c == '.' && (is_digit(peek(1)) || numbers_.is_overline(at_ + 1)))) {
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
      if (is_bold(name)) bold_end_ = end_of_group();
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

  /// The byte behind the braces at `at_`, or behind one character.
  size_t end_of_group() {
    const size_t here = at_;
    argument();
    const size_t end = at_;
    const bool is_braced = end > 0 && text_[end - 1] == '}';
    at_ = here;
    return is_braced ? end : std::min(end + 1, text_.size());
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
    constexpr std::string_view kUnits = "msghlLNJVWKCFTHAM";
    return kUnits.find(letter) != std::string_view::npos && !tokens_.empty() &&
           (tokens_.back().kind == TokenKind::number || tokens_.back().sign == '}' ||
            tokens_.back().text == "mu");
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
    if (plain_digits()) return;
    // The index of log_2 256 ends with its digit.
    const bool is_index =
        !tokens_.empty() && (tokens_.back().sign == '_' || tokens_.back().sign == '^');
    const auto read = numbers_.read(at_, depth_ > 0, !is_index);
    if (!read) {
      reason_ = "a number of more than 20,000 digits";
      return;
    }
    push(TokenKind::number, text_.substr(at_, read->end - at_));
    at_ = read->end;
    tokens_.back().value = read->value;
    tokens_.back().is_decimal = read->is_decimal;
    if (read->exponent != 0) power_of_ten(read->exponent);
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

  TokenList& list_;
  std::vector<Token>& tokens_;
  std::string_view text_;
  NumberReader numbers_;
  const char* reason_ = nullptr;  // of a limit that was met
  size_t at_ = 0;
  size_t bold_end_ = 0;           // of \mathbf{...}
  int depth_ = 0;                 // of brackets, in which a comma separates
  std::vector<bool> alignments_;  // open environments, and whether they only set lines
  bool has_space_ = false;
};

}  // namespace

bool tokenize(TokenList& list, const NumberStyle& style, std::string& reason) {
  return Lexer(list, style).run(reason);
}

}  // namespace gradus::rewards::math
