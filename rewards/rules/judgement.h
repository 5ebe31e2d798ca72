#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/setting.h"
#include "rewards/answers/answer.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// What counts as before the answer.
enum class Thinking {
  skip,      // only the text behind the last </think> counts, if there is one
  required,  // the same, and without </think> there is no answer
  keep,      // the whole text counts
};

/// How the final answer is found and judged; shared by the rules that need to know who is right.
struct AnswerConfig {
  std::string reference = "answer";
  AnswerPlace extract = AnswerPlace::automatic;
  Thinking thinking = Thinking::skip;
  double tolerance = 0.0;
};

template <class Field>
void describe(AnswerConfig& c, Field&& field) {
  field("reference", c.reference, non_empty(), "column of the data with the right answer");
  field("extract", c.extract,
        one_of<AnswerPlace>({{"auto", AnswerPlace::automatic},
                             {"answer_tag", AnswerPlace::answer_tag},
                             {"boxed", AnswerPlace::boxed},
                             {"hash", AnswerPlace::hash},
                             {"phrase", AnswerPlace::phrase},
                             {"last_number", AnswerPlace::last_number},
                             {"whole", AnswerPlace::whole}}),
        "where the answer stands; auto: answer tag, box, ####, \"answer is\", last number");
  field("thinking", c.thinking,
        one_of<Thinking>(
            {{"skip", Thinking::skip}, {"required", Thinking::required}, {"keep", Thinking::keep}}),
        "skip: only text behind </think> counts, if there is one; required: without it no answer");
  field("tolerance", c.tolerance, at_least(0.0), "largest difference that is still right");
}

/// The acceptable answers of a row: text, a number, or a list of those (any of them is right).
/// Empty, with the reason in `missing`, where the row has none.
struct Golds {
  std::vector<std::string> texts;
  std::string missing;
};

Golds golds_of(const nlohmann::json* row, const std::string& column);

struct Judgement {
  enum class Kind { right, wrong, no_answer, unknown };  // unknown: no gold to compare with
  Kind kind = Kind::unknown;
  std::string reason;  // of unknown
  std::optional<ExtractedAnswer> answer;
  std::string gold;
};

/// Extracts and compares one completion's answer.
Judgement judge(const RewardInput& input, const AnswerConfig& config);

}  // namespace gradus::rewards
