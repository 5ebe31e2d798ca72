#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/compare.h"
#include "rewards/math/finding/extract.h"

namespace gradus::rewards::math {

/// How answers are found and compared. The defaults are Math-Verify's.
struct MathOptions {
  Targets targets;
  Targets gold_targets;
  std::vector<std::string> strings{"A", "B", "C", "D"};
  int gold_boxed_match_priority = 50;
  int boxed_match_priority = 50;
  bool try_extract_without_anchor = true;
  bool is_first_match = false;      // the first place found counts, even if it cannot be read
  bool malformed_operators = true;  // \frac12 and \sqrt3 are read
  bool is_gold_bare = false;        // the gold is an answer, not a text to search
  bool is_answer_bare = false;      // so is the prediction
  bool needs_value = false;         // 2 + 3 does not answer 5: sums are to be worked out
  bool allows_several = false;      // one of several answers offered may be right
  std::vector<std::string> reasoning_delimiters;  // only text behind the last of them counts
  CompareOptions compare;
};

enum class Reason : uint8_t {
  equal,
  different,
  no_answer,          // nothing that could be an answer was found
  hedged,             // several answers, or choices, were offered
  unevaluated,        // right, but left as a sum where a value is asked for
  unparsable_answer,  // what was found cannot be read
  unparsable_gold,    // nothing can be said: skip the row
  budget,             // the limits of work, depth or length were met
};

const char* reason_name(Reason reason);

struct MathVerdict {
  Reason reason = Reason::no_answer;
  std::string answer;     // as extracted
  std::string place;      // where it stood
  std::string gold;       // as extracted
  std::string path;       // what decided
  std::string gold_form;  // canonical, only when asked for
  std::string answer_form;

  bool is_right() const { return reason == Reason::equal; }
};

/// Grades one completion against one gold. Same input, same verdict on every machine: work is
/// counted, no clock is read. Any thread; never throws on any input; nothing of the text is run.
///
/// @param explains  fills in the canonical forms.
MathVerdict grade_math(std::string_view gold, std::string_view prediction,
                       const MathOptions& options, bool explains = false);

/// Whether both texts are real numbers, written as constants of any kind, that differ by no more.
bool numbers_within(std::string_view a, std::string_view b, double tolerance);

/// Whether both are and differ by no more than this share of the gold's size.
bool numbers_within_share(std::string_view gold, std::string_view answer, double share);

/// Whether two answers in plain or LaTeX notation are the same expression.
bool plain_expressions_equal(std::string_view a, std::string_view b);

}  // namespace gradus::rewards::math
