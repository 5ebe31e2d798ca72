// Profile `deepscaler`: rllm (DeepScaleR), rewards/math_reward.py, as it is since July 2025.
//
//   What stands between the first </think> and the next counts; without one the form is wrong (or,
//   with needs_thought off, the whole text counts). There the last <|begin_of_box|> up to its
//   <|end_of_box|>; else the last \boxed, or the last \fbox, up to its closing brace; only
//   \boxed{...} is an answer. A gold with a box is read the same way. Right when hendrycks' forms
//   are equal or prm800k's rule says so, each in rllm's dialect (prm800k.h).

#include "base/printable.h"
#include "rewards/profiles/prm800k.h"
#include "rewards/profiles/profile.h"

namespace gradus::rewards::profiles {
namespace {

std::optional<Text> boxed(TextView text) {
  constexpr TextView kOpening = U"\\boxed{";
  if (!contains(text, U"\\boxed")) return std::nullopt;
  const auto box = from_last_to_closing_brace(text, U"\\boxed");
  if (!box || !box->starts_with(kOpening)) return std::nullopt;
  return box->substr(kOpening.size(), box->size() - kOpening.size() - 1);
}

/// The last <|begin_of_box|>...<|end_of_box|>; nullopt: there is none.
std::optional<Text> marked_box(TextView text) {
  constexpr TextView kOpening = U"<|begin_of_box|>";
  constexpr TextView kClosing = U"<|end_of_box|>";
  std::optional<Text> last;
  for (size_t at = text.find(kOpening); at != TextView::npos; at = text.find(kOpening, at)) {
    at += kOpening.size();
    const size_t end = text.find(kClosing, at);
    if (end == TextView::npos) break;
    last = stripped(text.substr(at, end - at));
    at = end + kClosing.size();
  }
  return last;
}

std::optional<Text> answer_in(TextView text) {
  auto marked = marked_box(text);
  return marked ? std::move(marked) : boxed(text);
}

Verdict deepscaler(std::string_view gold, std::string_view prediction,
                   const ProfileOptions& options) {
  const Text text = to_text(prediction);
  const auto parts = split(text, U"</think>");
  if (parts.size() < 2 && options.needs_thought) return {false, 0.0, "", "no </think>"};
  const auto answer = answer_in(parts.size() < 2 ? parts[0] : parts[1]);
  if (!answer) return {false, 0.0, "", "no \\boxed{...} behind </think>"};
  Text wanted = to_text(gold);
  if (contains(wanted, U"\\boxed")) {
    const auto gold_box = answer_in(wanted);
    if (!gold_box) return {false, 0.0, "", "the gold's box is not closed"};
    wanted = *gold_box;
  }
  const bool is_right =
      mathd_normalized(*answer, Dialect::rllm) == mathd_normalized(wanted, Dialect::rllm) ||
      prm800k_sympy_equal(wanted, *answer, Dialect::rllm);
  return {is_right, is_right ? 1.0 : 0.0, printable(to_utf8(*answer), 200),
          is_right ? "" : "neither the strings nor the expressions are equal"};
}

}  // namespace

extern const ProfileInfo kDeepscalerProfile{
    "deepscaler", "last box behind </think>, then hendrycks' or prm800k's rule",
    "rllm, rewards/math_reward.py", false, deepscaler};

}  // namespace gradus::rewards::profiles
