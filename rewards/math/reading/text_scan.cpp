#include "rewards/math/reading/text_scan.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

/// For each opening brace the byte of its closing one; the end of the text where it has none.
class Braces {
 public:
  explicit Braces(std::string_view text) : close_(text.size(), 0) {
    std::vector<size_t> open;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '{') {
        open.push_back(i);
        close_[i] = static_cast<uint32_t>(text.size());
      } else if (text[i] == '}' && !open.empty()) {
        close_[open.back()] = static_cast<uint32_t>(i);
        open.pop_back();
      }
    }
  }
  size_t closing(size_t open) const { return close_[open]; }

 private:
  std::vector<uint32_t> close_;
};

}  // namespace

void keep_last(std::vector<Span>& spans) {
  constexpr size_t kKept = 64;
  if (spans.size() > 2 * kKept) {
    spans.erase(spans.begin(), spans.end() - static_cast<std::ptrdiff_t>(kKept));
  }
}

std::vector<Span> find_boxes(std::string_view text) {
  std::vector<Span> boxes;
  if (text.find("boxed") == std::string_view::npos && text.find("fbox") == std::string_view::npos) {
    return boxes;
  }
  const Braces braces(text);
  size_t at = 0;
  size_t reached = 0;
  while ((at = text.find('\\', at)) != std::string_view::npos) {
    size_t after = 0;
    for (const std::string_view name : {"\\boxed", "\\fbox", "\\framebox"}) {
      if (text.substr(at, name.size()) == name) after = at + name.size();
    }
    if (after == 0) {
      ++at;
      continue;
    }
    const size_t begin = at;
    at = after;
    while (after < text.size() && text[after] == ' ') ++after;
    if (after >= text.size()) break;
    Span box{begin, 0, {}};
    if (text[after] == '{') {
      const size_t close = braces.closing(after);
      box.inside = text.substr(after + 1, close - after - 1);
      box.end = std::min(close + 1, text.size());
    } else {
      size_t end = after;
      while (end < text.size() && (is_digit(text[end]) || is_letter(text[end]))) ++end;
      if (end == after) continue;  // the word alone
      box.inside = text.substr(after, end - after);
      box.end = end;
    }
    if (begin < reached && box.end <= reached) continue;  // inside another box
    reached = box.end;
    boxes.push_back(box);
    keep_last(boxes);
  }
  return boxes;
}

namespace {

class SpanFinder {
 public:
  explicit SpanFinder(std::string_view text) : text_(text) {}

  std::vector<Span> run() && {
    while (at_ < text_.size()) step();
    return std::move(spans_);
  }

 private:
  bool looking_at(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  void step() {
    if (looking_at("$$")) {
      delimited("$$", "$$", true);
    } else if (text_[at_] == '$') {
      delimited("$", "$", false);
    } else if (looking_at("\\[")) {
      delimited("\\[", "\\]", true);
    } else if (looking_at("\\(")) {
      delimited("\\(", "\\)", false);
    } else if (looking_at("\\$") || looking_at("\\\\")) {
      at_ += 2;
    } else if (looking_at("\\frac{") || looking_at("\\dfrac{") || looking_at("\\tfrac{") ||
               looking_at("\\sqrt{")) {
      bare_command();
    } else {
      ++at_;
    }
  }

  void delimited(std::string_view open, std::string_view close, bool spans_lines) {
    const size_t begin = at_ + open.size();
    const size_t end = next(close, begin);
    if (end == std::string_view::npos || (!spans_lines && end > next("\n", begin)) ||
        is_between_amounts(begin, end) || (open == "$" && is_prose(begin, end))) {
      at_ += open.size();
      return;
    }
    push({at_, end + close.size(), text_.substr(begin, end - begin)});
  }

  /// "$200,000 - $130,000": two signs of money, and nothing between them is mathematics.
  bool is_between_amounts(size_t begin, size_t end) const {
    if (end + 1 >= text_.size() || end == begin) return false;
    constexpr std::string_view kBeforeAmount = " (+-*/=";
    return is_digit(text_[begin]) && is_digit(text_[end + 1]) &&
           kBeforeAmount.find(text_[end - 1]) != std::string_view::npos;
  }

  /// "5$ and you have 6$": a sign of money, and words up to the next one.
  bool is_prose(size_t begin, size_t end) const {
    constexpr std::string_view kOfSentences = " ?!.,;";
    const bool follows_amount = at_ > 0 && is_digit(text_[at_ - 1]);
    const bool opens_apart = kOfSentences.find(text_[begin]) != std::string_view::npos;
    if (!follows_amount && !opens_apart) return false;
    int num_words = 0;
    size_t size = 0;
    for (size_t i = begin; i <= end && num_words < 2; ++i) {
      if (text_[i] == '\\') return false;
      if (is_letter(text_[i])) {
        ++size;
        continue;
      }
      num_words += size > 2 && !is_formula_word(text_.substr(i - size, size)) ? 1 : 0;
      size = 0;
    }
    return num_words == 2;
  }

  static bool is_formula_word(std::string_view word) {
    return function_name(word) || constant_name(word) || is_symbol_command(word) ||
           is_joining_word(word);
  }

  /// The first `what` from `begin` on. Positions only grow, so that all searches together pass
  /// over the text once.
  size_t next(std::string_view what, size_t begin) {
    for (auto& [known, at] : next_) {
      if (known != what) continue;
      if (at < begin) at = find(what, begin);
      return at;
    }
    next_.emplace_back(what, find(what, begin));
    return next_.back().second;
  }

  size_t find(std::string_view what, size_t begin) const {
    size_t at = text_.find(what, begin);
    while (what == "$" && at != std::string_view::npos && at > 0 && text_[at - 1] == '\\') {
      at = text_.find(what, at + 1);
    }
    return at;
  }

  /// \frac{1}{2} outside of delimiters, with a sign before it and factors behind it.
  void bare_command() {
    size_t end = at_;
    int depth = 0;
    size_t last = at_;
    while (end < text_.size() && text_[end] != '\n' && end - at_ < 400) {
      const char c = text_[end];
      if (c == '{') ++depth;
      if (c == '}' && depth > 0) --depth;
      const bool continues =
          depth > 0 || c == '\\' || c == '{' || c == '}' || is_digit(c) || c == '+' || c == '-' ||
          c == '/' || c == '*' || c == '^' ||
          (is_letter(c) && end > 0 && (text_[end - 1] == '\\' || is_letter(text_[end - 1])));
      if (!continues) break;
      if (depth == 0 && (c == '}' || is_digit(c))) last = end + 1;
      ++end;
    }
    if (last == at_) {
      ++at_;
      return;
    }
    size_t begin = at_;
    while (begin > 0 && (is_digit(text_[begin - 1]) || text_[begin - 1] == '-')) --begin;
    push({begin, last, text_.substr(begin, last - begin)});
  }

  void push(const Span& span) {
    spans_.push_back(span);
    keep_last(spans_);
    at_ = span.end;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<std::pair<std::string_view, size_t>> next_;
  std::vector<Span> spans_;
};

}  // namespace

std::vector<Span> find_math_spans(std::string_view text) {
  return SpanFinder(text).run();
}

std::string_view command_name(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && is_letter(text[end])) ++end;
  return text.substr(at + 1, end - at - 1);
}

std::string_view word_behind(std::string_view text, size_t at) {
  size_t begin = at;
  while (begin < text.size() && (text[begin] == ' ' || text[begin] == '$' || text[begin] == '*' ||
                                 text.substr(begin, 2) == "\\)")) {
    begin += text[begin] == '\\' ? 2 : 1;
  }
  if (begin < text.size() && (text[begin] == '%' || text.substr(begin, 2) == "\\%")) {
    return text.substr(begin, text[begin] == '%' ? 1 : 2);
  }
  size_t end = begin;
  while (end < text.size() && is_letter(text[end])) ++end;
  return text.substr(begin, end - begin);
}

std::string_view bare(std::string_view text) {
  const auto is_dressing = [](char c) {
    return is_space(c) || c == '*' || c == '"' || c == '`' || c == '_';
  };
  while (!text.empty() && is_dressing(text.front())) text.remove_prefix(1);
  while (!text.empty() && (is_dressing(text.back()) || text.back() == '.' || text.back() == ',' ||
                           text.back() == ';')) {
    text.remove_suffix(1);
  }
  return text;
}

size_t joining_at(std::string_view text) {
  size_t at = 0;
  bool joins = false;
  for (bool moved = true; moved;) {
    moved = false;
    while (at < text.size() && (text[at] == ' ' || text[at] == '*')) ++at;
    if (at < text.size() && (text[at] == ',' || text[at] == '/')) {
      ++at;
      joins = moved = true;
    }
    for (const std::string_view word : {"or ", "and ", "und ", "oder ", "et ", "ou "}) {
      if (text.substr(at, word.size()) != word) continue;
      at += word.size();
      joins = moved = true;
    }
  }
  return joins ? at : 0;
}

}  // namespace gradus::rewards::math
