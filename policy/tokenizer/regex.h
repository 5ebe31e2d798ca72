#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus::policy {

/// A part of a text: [begin, end) in bytes.
struct TextRange {
  size_t begin = 0;
  size_t end = 0;
};

/// A regular expression as tokenizer.json writes them (Oniguruma's dialect over Unicode), run by
/// PCRE2 with a bound on its work. Const methods may run at once from any number of threads.
///
/// The pattern is rewritten where the two engines differ: \s is Unicode White_Space (PCRE2 adds
/// U+180E), \w is Alphabetic, M, Nd and Pc (and
/// ² ³ ¹ ¼ ½ ¾ outside of a class), \h is a hexadecimal digit, ^ and $ stand at every
/// line's ends, and a class inside a class is a union.
class Regex {
 public:
  /// @throws gradus::Error  the pattern is malformed or uses what PCRE2 has not; says which.
  explicit Regex(std::string pattern);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  /// A regular expression that matches `text` literally.
  static Regex literal(std::string_view text);

  const std::string& pattern() const { return pattern_; }

  /// All matches from left to right, none overlapping; empty matches only where no match ended.
  /// @param text  well-formed UTF-8; anchors and assertions see nothing outside it.
  /// @throws gradus::Error  one match, or all together, need more work than the bound (a pattern
  ///         that backtracks without end); no pattern of the known model families can.
  std::vector<TextRange> find_all(std::string_view text) const;

 private:
  struct Code;
  std::string pattern_;
  std::unique_ptr<Code> code_;
};

}  // namespace gradus::policy
