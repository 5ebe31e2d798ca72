#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/answers/answer_extraction.h"
#include "rewards/math/math_grader.h"
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
  std::string profile;
  double tolerance = 0.0;
  double relative_tolerance = 0.0;
  bool evaluated = false;
  int rounding = 6;
  bool strict = true;
  bool allow_set_relation = false;
  bool allow_several = false;
  std::vector<std::string> choices;
  std::string option_texts;
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
        "where the answer stands; auto: box, answer tag, ####, \"answer is\", last mathematics");
  field("thinking", c.thinking,
        one_of<Thinking>(
            {{"skip", Thinking::skip}, {"required", Thinking::required}, {"keep", Thinking::keep}}),
        "skip: only text behind </think> counts, if there is one; required: without it no answer");
  field("profile", c.profile, any(),
        "another verifier's rule in place of the grader of mathematics: hendrycks, prm800k, "
        "math_dapo, verl_math, gsm8k_strict, gsm8k_flexible, countdown, deepscaler");
  field("tolerance", c.tolerance, at_least(0.0), "largest difference of numbers that is right");
  field("relative_tolerance", c.relative_tolerance, between(0.0, 1.0),
        "largest difference that is right, as a share of the right answer: 0.01 for 1 %");
  field("evaluated", c.evaluated, any(),
        "the answer must be worked out: 2 + 3, as the question has it, is not 5");
  field("rounding", c.rounding, between(0, 30), "decimals at which a decimal answer is compared");
  field("strict", c.strict, any(), "false: variables match by their order, whatever their names");
  field("allow_set_relation", c.allow_set_relation, any(),
        "an inequality may answer a set: x < 3 for (-oo, 3)");
  field("allow_several", c.allow_several, any(), "one of several answers offered may be right");
  field("choices", c.choices, any(), "the choices of a multiple-choice question; none: no choice");
  field("option_texts", c.option_texts, any(),
        "column with the texts of the choices: a list, or texts by label; an answer that is one of "
        "them counts as its label, A, B, ... unless choices or the column say others");
}

/// The acceptable answers of a row: text, a number, or a list of those (any of them is right); with
/// `takes_objects` also objects, as JSON. A name with dots leads into objects, as for
/// `references_of`. Empty, with the reason in `missing`, where the row has none.
struct Golds {
  std::vector<std::string> texts;
  std::string missing;
};

Golds golds_of(const nlohmann::json* row, const std::string& column, bool takes_objects = false);

struct Judgement {
  /// unknown: no gold to compare with; unreadable: there is one, and nobody can read it.
  enum class Kind { right, wrong, no_answer, unknown, unreadable };
  Kind kind = Kind::unknown;
  double score = 0;                   // 1 of a right answer, else 0; or the profile's own
  double lowest_score = 0;            // of a wrong answer
  std::string reason;                 // of unknown; else what decided
  std::string verdict = "no_answer";  // equal, different, hedged, no_answer, budget, ...
  std::string answer;                 // as it was found; empty: none
  std::string place;
  std::string gold;
};

/// @throws ConfigError  config.profile names none; says which there are.
void check_profile(const AnswerConfig& config, const std::string& source);

/// Extracts and compares one completion's answer.
Judgement judge(const RewardInput& input, const AnswerConfig& config);

}  // namespace gradus::rewards
