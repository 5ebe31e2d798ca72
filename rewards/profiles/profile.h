#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gradus::rewards::profiles {

/// What another verifier's program says of an answer.
struct Verdict {
  bool is_right = false;
  double score = 0;    // that program's own: 1 and 0 mostly; math_dapo 1 and -1, countdown also 0.1
  std::string answer;  // what it took for the answer, in UTF-8; empty: nothing found
  std::string reason;  // why it is wrong, for people; empty: right
};

/// Settings that those programs have themselves, with their own defaults.
struct ProfileOptions {
  bool strict_box = false;    // math_dapo: only the box counts, never "Answer: ..."
  bool needs_thought = true;  // deepscaler: without </think> the form is wrong
};

/// Another verifier's rule, followed to the letter, so that scores compare with papers that used
/// it. What the rule gets wrong it gets wrong here too; for grading well there is rewards/math.
///
/// A profile never throws: where the other program would stop with an exception, its caller's way
/// out is followed. Time is linear in the texts, apart from the comparison of expressions in
/// prm800k and deepscaler.
using Profile = Verdict (*)(std::string_view gold, std::string_view prediction,
                            const ProfileOptions& options);

/// A profile's record, `extern const` in its own file; records.inc lists them.
struct ProfileInfo {
  const char* name;
  const char* text;    // one line for people
  const char* source;  // the program that is followed
  bool takes_answer;   // the prediction is a bare answer; else a whole completion
  Profile grade;
  double lowest_score = 0;     // of a wrong answer
  bool has_json_gold = false;  // the gold is an object, given as JSON
};

/// All profiles by name: countdown, deepscaler, gsm8k_flexible, gsm8k_strict, hendrycks,
/// math_dapo, prm800k, verl_math.
std::span<const ProfileInfo> list_profiles();

/// @throws gradus::ArgumentError  no profile has that name; says which there are.
const ProfileInfo& find_profile(std::string_view name);

}  // namespace gradus::rewards::profiles
