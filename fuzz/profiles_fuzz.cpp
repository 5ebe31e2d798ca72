// Other verifiers' rules: any gold and prediction (split at the first NUL) is graded without harm,
// and an answer that a rule takes for right is right again.

#include <cmath>
#include <string>

#include "fuzz/target.h"
#include "rewards/profiles/latex_text.h"
#include "rewards/profiles/profile.h"

using gradus::fuzz::require;
using namespace gradus::rewards::profiles;  // NOLINT(google-build-using-namespace): the target

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = gradus::fuzz::text_of(data, size);
  const size_t split = text.find('\0');
  const std::string_view gold = text.substr(0, split);
  const std::string_view prediction =
      split == std::string_view::npos ? text : text.substr(split + 1);
  for (const ProfileInfo& profile : list_profiles()) {
    const Verdict verdict = profile.grade(gold, prediction, {});
    require(std::isfinite(verdict.score), "a score is a number");
    require(verdict.is_right == (verdict.score == 1.0), "right pays 1, wrong does not");
    require(verdict.is_right == verdict.reason.empty(), "what is wrong has its reason");
  }
  require(to_utf8(to_text(text)) == text, "text goes to code points and back");
  latex_to_text(to_text(text));
  return 0;
}
