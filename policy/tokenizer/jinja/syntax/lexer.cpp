#include "policy/tokenizer/jinja/syntax/lexer.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/printable.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

size_t trailing_space(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t at = end - 1;
    while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) --at;
    if (!is_python_space(read_utf8(text.substr(at, end - at)).code_point)) break;
    end = at;
  }
  return end;
}

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || static_cast<uint8_t>(c) >= 0x80;
}
bool is_name_char(char c) {
  return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c));
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) root();
    tokens_.push_back({TokenKind::kEnd, "", position(source_.size())});
    return std::move(tokens_);
  }

 private:
  // Tokens come in order, so that counting goes on from the last one: long lines stay linear.
  Position position(size_t offset) {
    if (offset < counted_) {
      counted_ = 0;
      counted_at_ = {};
    }
    while (counted_ < offset) {
      if (source_[counted_] == '\n') {
        ++counted_at_.line;
        counted_at_.column = 1;
        ++counted_;
      } else {
        ++counted_at_.column;
        counted_ += read_utf8(std::string_view(source_).substr(counted_)).length;
      }
    }
    return counted_at_;
  }

  bool looking_at(std::string_view text) const {
    return source_.compare(at_, text.size(), text) == 0;
  }

  // Text up to the next tag, and the tag.
  void root() {
    size_t tag = at_;
    for (;; ++tag) {
      tag = source_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= source_.size()) return data_to(source_.size());
      const char c = source_[tag + 1];
      if (c == '%' || c == '{' || c == '#') break;
    }
    const char kind = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    const bool has_sign = sign == '-' || sign == '+';
    std::string_view text(source_.data() + at_, tag - at_);
    if (sign == '-') {
      text = text.substr(0, trailing_space(text));
    } else if (sign != '+' && kind != '{') {
      text = without_indent(text);
    }
    put_data(text, at_);
    at_ = tag + 2 + (has_sign ? 1 : 0);
    line_starting_ = false;
    if (kind == '#') return comment(tag);
    if (kind == '%' && raw(tag)) return;
    inside(kind == '%' ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, tag);
  }

  void data_to(size_t end) {
    put_data(std::string_view(source_).substr(at_, end - at_), at_);
    at_ = end;
  }

  void put_data(std::string_view text, size_t offset) {
    if (!text.empty()) tokens_.push_back({TokenKind::kData, std::string(text), position(offset)});
  }

  std::string_view without_indent(std::string_view text) const {
    const size_t line = text.rfind('\n') + 1;  // 0 if there is none
    if (line == 0 && !line_starting_) return text;
    return trailing_space(text) <= line ? text.substr(0, line) : text;
  }

  void skip_space() {
    while (at_ < source_.size()) {
      const Utf8Step step = read_utf8(std::string_view(source_).substr(at_));
      if (!is_python_space(step.code_point)) return;
      at_ += step.length;
    }
  }

  // Behind the sign of a closing tag: trims as the sign and the kind of tag say.
  void close(char sign, bool trims_line) {
    const size_t before = at_;
    if (sign == '-') {
      skip_space();
    } else if (sign != '+' && trims_line && at_ < source_.size() && source_[at_] == '\n') {
      ++at_;
    }
    line_starting_ = at_ > before && source_[at_ - 1] == '\n';
  }

  void comment(size_t tag) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string::npos) refuse_at(position(tag), "a comment is not closed");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    at_ = end + 2;
    close(sign, /*trims_line=*/true);
  }

  // Reads [-+]? %} after optional white space; false (and nothing read) if it is not there.
  bool block_end(char* sign) {
    const size_t start = at_;
    skip_space();
    *sign = '\0';
    if (looking_at("-%}") || looking_at("+%}")) *sign = source_[at_++];
    if (looking_at("%}")) {
      at_ += 2;
      return true;
    }
    at_ = start;
    return false;
  }

  bool raw(size_t tag) {
    const size_t start = at_;
    skip_space();
    char sign = '\0';
    if (!looking_at("raw")) {
      at_ = start;
      return false;
    }
    at_ += 3;
    if (!block_end(&sign) || sign == '+') {
      at_ = start;
      return false;
    }
    close(sign, /*trims_line=*/false);
    const size_t body = at_;
    for (size_t open = source_.find("{%", at_); open != std::string::npos;
         open = source_.find("{%", open + 2)) {
      at_ = open + 2;
      const char left = at_ < source_.size() ? source_[at_] : '\0';
      if (left == '-' || left == '+') ++at_;
      skip_space();
      if (!looking_at("endraw")) continue;
      at_ += 6;
      char right = '\0';
      if (!block_end(&right)) continue;
      std::string_view text(source_.data() + body, open - body);
      if (left == '-') {
        text = text.substr(0, trailing_space(text));
      } else if (left != '+') {
        text = without_indent(text);
      }
      put_data(text, body);
      close(right, /*trims_line=*/true);
      return true;
    }
    refuse_at(position(tag), "{% raw %} is not closed");
  }

  void put(TokenKind kind, std::string text, size_t offset) {
    tokens_.push_back({kind, std::move(text), position(offset)});
  }

  void inside(TokenKind kind, size_t tag) {
    put(kind, "", tag);
    const bool is_block = kind == TokenKind::kBlockBegin;
    const std::string_view end = is_block ? "%}" : "}}";
    std::string open;  // brackets that a closing tag cannot cross
    for (;;) {
      skip_space();
      if (at_ >= source_.size()) {
        refuse_at(position(tag), is_block ? "{% is not closed by %}" : "{{ is not closed by }}");
      }
      if (open.empty()) {
        const char sign = source_[at_];
        const bool has_sign = sign == '-' || (is_block && sign == '+');
        if (source_.compare(at_ + (has_sign ? 1 : 0), 2, end) == 0) {
          const size_t begin = at_;
          at_ += has_sign ? 3 : 2;
          put(is_block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, "", begin);
          return close(has_sign ? sign : '\0', is_block);
        }
      }
      expression_token(open);
    }
  }

  void expression_token(std::string& open) {
    const char c = source_[at_];
    if (c == '\'' || c == '"') return string(c);
    if (std::isdigit(static_cast<unsigned char>(c))) return number();
    if (is_name_start(c)) {
      const size_t begin = at_;
      while (at_ < source_.size() && is_name_char(source_[at_])) ++at_;
      return put(TokenKind::kName, source_.substr(begin, at_ - begin), begin);
    }
    static constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    for (const std::string_view op : kTwo) {
      if (looking_at(op)) return op_token(op);
    }
    if (std::string_view("+-*/%~[](){}<>=.:|,").find(c) == std::string_view::npos) {
      refuse_at(position(at_), std::string("unexpected character '") + c + "'");
    }
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) {
        refuse_at(position(at_), std::string("unexpected '") + c + "'");
      }
      open.pop_back();
    }
    op_token(std::string_view(source_).substr(at_, 1));
  }

  void op_token(std::string_view op) {
    const std::string text(op);
    put(TokenKind::kOperator, text, at_);
    at_ += text.size();
  }

  void number() {
    const size_t begin = at_;
    if (source_[begin] == '0' && begin + 1 < source_.size() &&
        std::string_view("xXoObB").find(source_[begin + 1]) != std::string_view::npos) {
      while (at_ < source_.size() && is_name_char(source_[at_])) ++at_;
      std::string text = source_.substr(begin, at_ - begin);
      std::erase(text, '_');
      return put(TokenKind::kInteger, std::move(text), begin);
    }
    const auto digits = [&] {
      while (at_ < source_.size() && (std::isdigit(static_cast<unsigned char>(source_[at_])) ||
                                      (source_[at_] == '_' && at_ > begin))) {
        ++at_;
      }
    };
    digits();
    bool is_float = false;
    const bool after_dot = begin > 0 && source_[begin - 1] == '.';
    const auto digit_at = [&](size_t i) {
      return i < source_.size() && std::isdigit(static_cast<unsigned char>(source_[i]));
    };
    if (!after_dot && at_ < source_.size() && source_[at_] == '.' && digit_at(at_ + 1)) {
      is_float = true;
      ++at_;
      digits();
    }
    if (!after_dot && at_ < source_.size() && (source_[at_] == 'e' || source_[at_] == 'E')) {
      const size_t sign =
          at_ + 1 < source_.size() && (source_[at_ + 1] == '+' || source_[at_ + 1] == '-');
      if (digit_at(at_ + 1 + sign)) {
        is_float = true;
        at_ += 1 + sign;
        digits();
      }
    }
    std::string text = source_.substr(begin, at_ - begin);
    std::erase(text, '_');
    put(is_float ? TokenKind::kFloat : TokenKind::kInteger, std::move(text), begin);
  }

  void string(char quote) {
    const size_t begin = at_++;
    std::string out;
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] == '\\' && at_ + 1 < source_.size()) {
        ++at_;
        escape(out);
      } else {
        out += source_[at_++];
      }
    }
    if (at_ >= source_.size()) refuse_at(position(begin), "a string is not closed");
    ++at_;
    put(TokenKind::kString, std::move(out), begin);
  }

  // Python's escapes; an unknown one keeps its backslash.
  void escape(std::string& out) {
    const char c = source_[at_++];
    static constexpr std::string_view kNames = "ntr\\'\"abfv";
    static constexpr std::string_view kChars = "\n\t\r\\'\"\a\b\f\v";
    const size_t known = kNames.find(c);
    if (known != std::string_view::npos) {
      out += kChars[known];
    } else if (c == '\n') {
      // a line continued
    } else if (c == 'x' || c == 'u' || c == 'U') {
      append_utf8(out, code(c == 'x' ? 2 : c == 'u' ? 4 : 8, 16));
    } else if (c >= '0' && c <= '7') {
      --at_;
      int digits = 0;
      while (digits < 3 && at_ + digits < source_.size() && source_[at_ + digits] >= '0' &&
             source_[at_ + digits] <= '7') {
        ++digits;
      }
      append_utf8(out, code(digits, 8));
    } else if (c == 'N') {
      refuse_at(position(at_ - 2), "\\N in a string is not supported");
    } else {
      out += '\\';
      out += c;
    }
  }

  char32_t code(int digits, int base) {
    const size_t begin = at_;
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = at_ < source_.size() ? source_[at_] : '\0';
      if (!std::isxdigit(static_cast<unsigned char>(c))) {
        refuse_at(position(begin), "a string holds a broken escape");
      }
      const int digit =
          std::isdigit(static_cast<unsigned char>(c)) ? c - '0' : (c | 0x20) - 'a' + 10;
      value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
      refuse_at(position(begin), "a string's escape is not a character");
    }
    return value;
  }

  std::string source_;
  size_t counted_ = 0;
  Position counted_at_;
  size_t at_ = 0;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize_template(std::string_view source) {
  if (!is_valid_utf8(source)) throw Error("chat template: is not valid UTF-8");
  return Lexer(normalize_newlines(source)).run();
}

void refuse_at(Position at, const std::string& what) {
  throw Error("chat template, line " + std::to_string(at.line) + ", column " +
              std::to_string(at.column) + ": " + printable(what));
}

bool is_python_space(char32_t c) {
  return is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

}  // namespace gradus::policy::jinja
