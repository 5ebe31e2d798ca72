#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards {

// The words of this room:
//
//   rule          one thing that is looked at in a completion: its answer, its form, its length
//   grade         what one rule says of one completion: an outcome and, when scored, a value
//   outcome       scored, skipped, failed or timed out; only a scored grade has a value
//   value         a rule's number, before weight and bounds
//   reason        why a grade is not scored, or a word on its value
//   contribution  what a value counts for: within the rule's bounds, 0 behind a closed gate
//   gate          a rule below whose threshold the rules under it pay nothing
//   reward        of a completion: the sum of its weighted contributions; NaN where nothing counts
//   gold          the right answer, from the data's row
//   verdict       whether an answer is the gold, and by which way that was found
//   profile       another verifier's rule for verdicts, followed to the letter
//   grader        OpenAI's JSON form of a rule; the rule `grader` reads it

enum class GradeOutcome {
  scored,     // `value` counts
  skipped,    // the rule has nothing to say of this completion (no gold, None)
  failed,     // the rule broke: exception, crash, a value that is no finite number
  timed_out,  // the rule was stopped at its time limit
};

/// What one rule says of one completion.
struct Grade {
  double value = 0;  // counts only when scored
  GradeOutcome outcome = GradeOutcome::scored;
  std::string reason;      // why not scored, or a word on the score; may be empty
  nlohmann::json details;  // the rule's own record for people; null: none
};

/// One completion of a group as rules see it. Views belong to the caller.
struct RewardInput {
  std::string_view prompt;                       // text as rendered
  const nlohmann::json* messages = nullptr;      // the chat prompt (a list), or null
  std::string_view completion;                   // text
  std::span<const int32_t> completion_ids = {};  // tokens
  bool truncated = false;                        // ended by the length limit
  const nlohmann::json* row = nullptr;           // the data row (question, answer, ...), or null
};

/// A reward rule: text in, grades out. A new rule is one file with its record (rule_record.h) and
/// one line of records.inc.
///
/// `grade` may be called from several threads at once. Same input, same grades: a rule neither
/// draws random numbers nor looks at a clock (the time limit of plug-ins apart).
class RewardRule {
 public:
  virtual ~RewardRule() = default;

  /// What metrics and records call it: the config's `name`, or its `type`.
  virtual std::string name() const = 0;

  /// Grades of the completions of one prompt: exactly one each, in order. A completion that
  /// cannot be graded is a Grade with its reason, not an exception.
  virtual std::vector<Grade> grade(std::span<const RewardInput> group) = 0;

  /// What the user shall know before the run, e.g. that others' code is isolated weakly; usually
  /// nothing.
  virtual std::vector<std::string> notices() const { return {}; }

  /// Ties what may take long (others' code, other servers) to a stop: once it is requested such
  /// calls end at once, none is made any more, and their grades are failed, with kStopped as
  /// their reason. While no `grade` is under way.
  virtual void stop_with(const std::stop_token&) {}
};

Grade scored(double value);
Grade skipped(std::string reason);
Grade failed(std::string reason);

inline constexpr const char* kStopped = "was stopped";

}  // namespace gradus::rewards
