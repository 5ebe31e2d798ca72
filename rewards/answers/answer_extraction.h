#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards {

/// Where a completion's final answer stands.
enum class AnswerPlace {
  automatic,    // the best candidate of rewards/math/finding/extract.h, boxes first
  answer_tag,   // inside the last <answer>...</answer>; an unclosed last <answer> reaches the end
  boxed,        // inside the last \boxed{...} or \fbox{...}
  hash,         // the rest of the line behind the last ####
  phrase,       // behind the last "answer is" or "answer:", to the end of the sentence
  last_number,  // the last number of the text, its sign, currency, fraction and percent with it
  whole,        // all of it
};

struct ExtractedAnswer {
  std::string text;
  const char* place = "";  // where it stood, in words
};

/// The final answer of a completion, or nullopt where there is none. Linear time on any text.
std::optional<ExtractedAnswer> extract_answer(std::string_view completion, AnswerPlace place);

/// What follows the last </think>; nullopt where there is none.
std::optional<std::string_view> text_after_thinking(std::string_view completion);

/// The reference in a data row's answer: what follows the last `####` (GSM8K), else all of it.
std::string_view gold_of(std::string_view answer);

}  // namespace gradus::rewards
