#include "rewards/outbound/circuit_breaker.h"

namespace gradus::rewards::outbound {

std::optional<std::string> CircuitBreaker::refusal_of(const std::string& server) {
  const std::lock_guard lock(mutex_);
  State& state = states_[server];
  if (state.num_failures < max_failures_) return std::nullopt;
  if (clock_.now_s() >= state.rests_until_s && !state.is_tried) {
    state.is_tried = true;
    return std::nullopt;
  }
  return server + " has failed " + std::to_string(state.num_failures) +
         " times in a row and is left alone for a while";
}

void CircuitBreaker::report(const std::string& server, bool has_worked) {
  const std::lock_guard lock(mutex_);
  State& state = states_[server];
  state.is_tried = false;
  if (has_worked) {
    state.num_failures = 0;
    return;
  }
  ++state.num_failures;
  if (state.num_failures >= max_failures_) state.rests_until_s = clock_.now_s() + rest_s_;
}

}  // namespace gradus::rewards::outbound
