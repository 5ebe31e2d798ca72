// Profile `verl_math`: verl, reward_score/math_reward.py.
//
//   `\boxed ` with a space anywhere: what follows its last occurrence, up to a `$`; else the last
//   \boxed (if there is none, the last \fbox) up to its closing brace. Only `\boxed{...}` and
//   `\boxed ...` give an answer: an \fbox is found and then refused. hendrycks' rule compares.

#include "base/printable.h"
#include "rewards/profiles/hendrycks.h"
#include "rewards/profiles/profile.h"

namespace gradus::rewards::profiles {
namespace {

std::optional<Text> last_box(TextView text) {
  if (contains(text, U"\\boxed ")) {
    return split(split(text, U"\\boxed ").back(), U"$").front();
  }
  const TextView command = contains(text, U"\\boxed") ? U"\\boxed" : U"\\fbox";
  const auto box = from_last_to_closing_brace(text, command);
  constexpr TextView kOpening = U"\\boxed{";
  if (!box || box->compare(0, kOpening.size(), kOpening) != 0) return std::nullopt;
  return box->substr(kOpening.size(), box->size() - kOpening.size() - 1);
}

Verdict verl_math(std::string_view gold, std::string_view prediction, const ProfileOptions&) {
  const auto answer = last_box(to_text(prediction));
  if (!answer) return {false, 0.0, "", "no \\boxed{...}"};
  const bool is_right = hendrycks_equal(*answer, to_text(gold));
  return {is_right, is_right ? 1.0 : 0.0, printable(to_utf8(*answer), 200),
          is_right ? "" : "the strings differ after normalisation"};
}

}  // namespace

extern const ProfileInfo kVerlMathProfile{"verl_math", "last box, then hendrycks' rule",
                                          "verl, reward_score/math_reward.py", false, verl_math};

}  // namespace gradus::rewards::profiles
