#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards::math {

constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// A part of a text by its bytes [begin, end), and its inside.
struct Span {
  size_t begin = 0;
  size_t end = 0;
  std::string_view inside;
};

/// Forgets the first of many spans, so that at least the last 64 are kept.
void keep_last(std::vector<Span>& spans);

/// All boxes (\boxed{...}, \fbox{...}, \boxed 7) of a text, in order; of nested ones the outer.
/// An unclosed box reaches to the end. At most the last 64.
std::vector<Span> find_boxes(std::string_view text);

/// Mathematics between delimiters, in order: $$...$$ and \[...\] over lines, $...$ and \(...\)
/// within one, and bare \frac{}{} and \sqrt{} runs. At most the last 64.
std::vector<Span> find_math_spans(std::string_view text);

/// Runs of plain arithmetic ("3 + 4/5 = 3.8", "$1,234.50", "-2 1/4"), in order, at most the
/// last 64.
std::vector<Span> find_arithmetic(std::string_view text);

/// The name of the LaTeX command whose backslash stands at `at`: the letters behind it; "" of \, \%
/// and the like.
std::string_view command_name(std::string_view text, size_t at);

/// The words "million", "percent" or a unit right behind `at`, for taking with a number.
std::string_view word_behind(std::string_view text, size_t at);

/// Without white space, Markdown, quotes and final punctuation at the ends.
std::string_view bare(std::string_view text);

/// The length of a joining such as ", ", " and ", " or " at the start; 0 where there is none.
size_t joining_at(std::string_view text);

}  // namespace gradus::rewards::math
