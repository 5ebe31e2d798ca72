#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace gradus::rewards {

struct RegexOptions {
  bool ignore_case = false;
  bool multi_line = false;     // ^ and $ at every line
  bool dot_all = false;        // . is a newline as well
  bool is_javascript = false;  // \d, \w, \s and \b know ASCII alone, $ is the very end, \uXXXX
};

/// One match: [0] is all of it, then the groups; nullopt: the group took no part. Views of the
/// text.
using RegexMatch = std::vector<std::optional<std::string_view>>;

struct RegexMatches {
  std::vector<RegexMatch> matches;  // from left to right, without overlap
  bool is_over_budget = false;      // given up: there may be more
  int64_t num_steps = 0;            // what it took
};

/// A regular expression of PCRE2 (Perl's syntax, Unicode classes) whose cost is bounded by counted
/// work: the same pattern, text and budget end the same way on every machine, in time that the
/// budget bounds whatever the pattern (`(a+)+$`) and the text are. Bytes that are not UTF-8 match
/// nothing. May be used from several threads at once.
///
/// A step is one try of one item of the pattern at one place, plus a sixteenth for every character
/// passed since the last; a million take about 30 ms. In a text that is not valid UTF-8 every match
/// also costs a sixteenth of what follows it.
class BoundedRegex {
 public:
  static constexpr int64_t kMaxSteps = 1'000'000;

  /// @throws ArgumentError  not a regular expression: "at character 3: missing closing
  /// parenthesis".
  explicit BoundedRegex(std::string_view pattern, const RegexOptions& options = {});
  ~BoundedRegex();
  BoundedRegex(BoundedRegex&& other) noexcept;
  BoundedRegex& operator=(BoundedRegex&& other) noexcept;

  /// The first `max_matches` matches. `max_steps` is for all of them together.
  RegexMatches find(std::string_view text, size_t max_matches = 1,
                    int64_t max_steps = kMaxSteps) const;

  /// A match that is the whole text.
  RegexMatches match_whole(std::string_view text, int64_t max_steps = kMaxSteps) const;

  /// Number of groups, those without a name included.
  size_t num_groups() const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace gradus::rewards
