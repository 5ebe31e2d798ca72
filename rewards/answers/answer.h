#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rewards/answers/answer_extraction.h"

namespace gradus::rewards {

enum class AnswerVerdict {
  equal,
  different,
  unparsable_gold,  // the reference is empty or past the limits: nothing can be said
};

/// Whether an extracted answer is the reference answer.
///
/// A gold that is a number is compared as an exact rational (see number.h); the answer may then
/// be a number or a phrase with exactly one number. Any other gold is compared as text: without
/// white space, LaTeX dressing and a name before `=`, letters' case kept only in one-letter texts;
/// a gold of one letter also equals the choice it names: `(C)`, `C.`, `C: 12 cm`.
/// It is not a computer algebra: `x+1` and `1+x` differ.
///
/// @param tolerance  largest difference of numbers that counts as equal; 0: exact.
AnswerVerdict compare_answers(std::string_view gold, std::string_view answer,
                              double tolerance = 0.0);

/// compare_answers(...) == equal.
bool answers_equal(std::string_view gold, std::string_view answer, double tolerance = 0.0);

/// The reference in a data row's answer: what follows the last `####` (GSM8K), else all of it.
std::string_view gold_of(std::string_view answer);

}  // namespace gradus::rewards
