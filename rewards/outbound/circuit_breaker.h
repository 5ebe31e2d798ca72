#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

namespace gradus::rewards::outbound {

/// Spares a server that fails again and again, and the run that would wait for it each time.
///
/// After `max_failures` failures in a row it is left alone for `rest_s`; then one trial is let
/// through, whose success closes the circuit and whose failure starts the rest anew. One state per
/// server; any thread.
class CircuitBreaker {
 public:
  CircuitBreaker(int max_failures, double rest_s, const Clock& clock)
      : max_failures_(max_failures), rest_s_(rest_s), clock_(clock) {}

  /// Why the server is not to be asked now; nullopt: ask, then report how it went.
  std::optional<std::string> refusal_of(const std::string& server);

  void report(const std::string& server, bool has_worked);

 private:
  struct State {
    int num_failures = 0;
    double rests_until_s = 0;
    bool is_tried = false;  // one call is under way that decides
  };

  int max_failures_;
  double rest_s_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, State> states_;
};

}  // namespace gradus::rewards::outbound
