#pragma once

#include <string>
#include <string_view>

namespace gradus::rewards {

/// Scores of a completion's form, as the reference functions of open-r1 and TRL give them; hand
/// written scanners in linear time instead of their regular expressions.

/// open-r1 `format`, DeepSeek-R1's template: 1 if
/// `^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$` (dot all, multiline) matches at 0, else 0.
/// As `$` also matches before a newline, text on a further line passes; `is_strict` refuses it.
double r1_format_score(std::string_view text, bool is_strict = false);

/// TRL `think_format`: 1 if `^<think>(?!.*<think>)(.*?)</think>.*$` (dot all) matches, else 0.
double think_format_score(std::string_view text);

/// open-r1 `tag_count`: 0.25 each for exactly one `<think>\n`, `\n</think>\n`, `\n<answer>\n`,
/// `\n</answer>`.
double tag_count_score(std::string_view text);

/// open-r1 `code_format`: as r1_format with a fenced block of `language` inside the answer.
double code_format_score(std::string_view text, std::string_view language);

/// open-r1 `extract_code`: the last fenced block of `language`, empty if none.
std::string_view fenced_code(std::string_view text, std::string_view language);

/// open-r1 `reasoning_steps`: min(1, n / 3), n the number of `Step 7:`, `7.` at the very start,
/// newline and `-` or `*`, `First,` `Second,` `Next,` `Finally,`.
double reasoning_steps_score(std::string_view text);

}  // namespace gradus::rewards
