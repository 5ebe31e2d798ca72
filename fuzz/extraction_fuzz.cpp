// Extraction: any text gives candidates that can be graded, the same ones each time.

#include "fuzz/target.h"
#include "rewards/math/dates.h"
#include "rewards/math/math_grader.h"

using gradus::fuzz::require;
using namespace gradus::rewards::math;  // NOLINT(google-build-using-namespace): the target

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(gradus::fuzz::text_of(data, size));
  for (const int priority : {0, 50, -1}) {
    ExtractOptions options;
    options.boxed_match_priority = priority;
    const auto candidates = extract_candidates(text, options);
    require(candidates.size() <= kMaxCandidates, "candidates are few");
    for (const Candidate& candidate : candidates) {
      require(!candidate.text.empty(), "a candidate says something");
    }
    extract_choice(text, options);
  }
  const MathVerdict first = grade_math("7", text, {});
  const MathVerdict second = grade_math("7", text, {});
  require(first.reason == second.reason && first.answer == second.answer,
          "the same text gets the same verdict");
  for (const std::string_view date : find_dates(text)) {
    require(parse_date(date).has_value(), "what is found as a date is one");
  }
  grade_math("2024-03-03", text, {});
  return 0;
}
