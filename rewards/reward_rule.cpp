#include "rewards/reward_rule.h"

namespace gradus::rewards {

Grade scored(double value) {
  return {value, GradeOutcome::scored, {}, nullptr};
}

Grade skipped(std::string reason) {
  return {0.0, GradeOutcome::skipped, std::move(reason), nullptr};
}

Grade failed(std::string reason) {
  return {0.0, GradeOutcome::failed, std::move(reason), nullptr};
}

}  // namespace gradus::rewards
