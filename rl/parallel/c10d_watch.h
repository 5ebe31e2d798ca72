#pragma once

#ifdef GRADUS_GLOO

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "rl/parallel/c10d_meeting.h"

namespace gradus::rl {

/// Tells the others that this process lives, and looks whether they do; ends the process where one
/// does not (join_ranks).
class RankWatch {
 public:
  /// @param store  a connection of its own.
  RankWatch(c10::intrusive_ptr<c10d::Store> store, const RankPlace& place, double peer_timeout_s,
            const std::vector<Joined>& all);

 private:
  using Clock = std::chrono::steady_clock;
  struct Heard {
    int64_t beat = -1;
    Clock::time_point at;
  };

  void watch(const std::stop_token& stop);
  void look();
  [[noreturn]] void end(int code, const std::string& reason) const;

  c10::intrusive_ptr<c10d::Store> store_;
  RankPlace place_;
  std::chrono::milliseconds peer_timeout_;
  std::vector<Joined> all_;
  std::vector<Heard> heard_;
  std::optional<Clock::time_point> aborted_at_;
  std::jthread thread_;  ///< last: it uses the rest
};

}  // namespace gradus::rl

#endif
