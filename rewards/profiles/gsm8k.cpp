// Profiles `gsm8k_strict` and `gsm8k_flexible`: verl, reward_score/gsm8k.py.
//
//   Both look at the last 300 characters and compare strings with the gold as it is.
//   strict: the last `#### ` with `-?[0-9.,]+` behind it, commas removed.
//   flexible: the last run `-?[0-9.,]+` that is not a lone full stop, commas kept; where all are,
//   the first of them.

#include "base/printable.h"
#include "rewards/profiles/profile.h"
#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {
namespace {

constexpr size_t kCharacters = 300;

bool is_number_character(char32_t c) {
  return (c >= U'0' && c <= U'9') || c == U'.' || c == U',';
}

// The run `-?[0-9.,]+` that starts at `at`; empty: none does.
TextView run_at(TextView text, size_t at) {
  size_t end = at;
  if (end < text.size() && text[end] == U'-') ++end;
  const size_t first = end;
  while (end < text.size() && is_number_character(text[end])) ++end;
  return end > first ? text.substr(at, end - at) : TextView();
}

Verdict compared(const std::optional<Text>& answer, std::string_view gold) {
  if (!answer) return {false, 0.0, "", "no number where the rule looks for it"};
  const bool is_right = *answer == to_text(gold);
  return {is_right, is_right ? 1.0 : 0.0, printable(to_utf8(*answer), 200),
          is_right ? "" : "the strings differ"};
}

Verdict gsm8k_strict(std::string_view gold, std::string_view prediction, const ProfileOptions&) {
  const Text text = to_text(prediction);
  const TextView tail = last(text, kCharacters);
  constexpr TextView kMark = U"#### ";
  std::optional<Text> answer;
  for (size_t at = tail.find(kMark); at != TextView::npos; at = tail.find(kMark, at + 1)) {
    const TextView run = run_at(tail, at + kMark.size());
    if (!run.empty()) answer = replaced(run, U",", U"");
  }
  return compared(answer, gold);
}

Verdict gsm8k_flexible(std::string_view gold, std::string_view prediction, const ProfileOptions&) {
  const Text text = to_text(prediction);
  const TextView tail = last(text, kCharacters);
  std::optional<Text> first;
  std::optional<Text> answer;
  for (size_t at = 0; at < tail.size();) {
    const TextView run = run_at(tail, at);
    if (!run.empty()) {
      if (!first) first = Text(run);
      if (run != U".") answer = Text(run);
    }
    at += run.empty() ? 1 : run.size();
  }
  return compared(answer ? answer : first, gold);
}

}  // namespace

extern const ProfileInfo kGsm8kStrictProfile{"gsm8k_strict",
                                             "the last `#### number` of the last 300 characters",
                                             "verl, reward_score/gsm8k.py", false, gsm8k_strict};

extern const ProfileInfo kGsm8kFlexibleProfile{
    "gsm8k_flexible", "the last number of the last 300 characters", "verl, reward_score/gsm8k.py",
    false, gsm8k_flexible};

}  // namespace gradus::rewards::profiles
