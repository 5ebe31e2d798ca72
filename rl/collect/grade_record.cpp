#include "rl/collect/grade_record.h"

#include "base/json.h"
#include "rewards/reply.h"

namespace gradus::rl {

using nlohmann::ordered_json;

const char* finish_name(rollout::FinishReason finish) {
  switch (finish) {
    case rollout::FinishReason::stop:
      return "stop";
    case rollout::FinishReason::length:
      return "length";
    case rollout::FinishReason::aborted:
      return "aborted";
    case rollout::FinishReason::failed:
      return "failed";
  }
  return "?";
}

const char* outcome_name(rewards::GradeOutcome outcome) {
  switch (outcome) {
    case rewards::GradeOutcome::scored:
      return "scored";
    case rewards::GradeOutcome::skipped:
      return "skipped";
    case rewards::GradeOutcome::failed:
      return "failed";
    case rewards::GradeOutcome::timed_out:
      return "timed_out";
  }
  return "?";
}

nlohmann::ordered_json grade_json(const rewards::Grade& grade) {
  const bool is_scored = grade.outcome == rewards::GradeOutcome::scored;
  return {{"value", is_scored ? ordered_json(grade.value) : ordered_json(nullptr)},
          {"outcome", outcome_name(grade.outcome)},
          {"reason", grade.reason},
          {"details", ordered_json::parse(dump_json(rewards::bounded_details(grade.details)))}};
}

}  // namespace gradus::rl
