#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/files/file_descriptor.h"

namespace gradus::rl {

/// The time that one process had a run: from its start to its last beat.
struct Life {
  int64_t number = 0;  ///< 0: the process that began the run
  int64_t pid = 0;
  double begun = 0.0;    ///< seconds since 1970
  double lasted = 0.0;   ///< seconds up to the last beat
  bool is_over = false;  ///< it ended by itself; false: it goes on, or was killed
};

/// The lives of a run, in order; none where the file is missing. Lines that are none are left out.
std::vector<Life> read_lives(const std::filesystem::path& path);

/// Notes in RUN/lives.jsonl, line by line, how long each process had the run: every 20 ms it writes
/// its own line anew, in place, so that a process that is killed leaves the time of its death.
/// Lines are 128 bytes long. What cannot be written is left out: nothing but the bill depends on
/// it.
class LifeKeeper {
 public:
  /// Begins the next life.
  /// @param begun_s  of the clock, since when the devices are held; may lie in the past.
  /// @param clock    outlives this.
  LifeKeeper(const std::filesystem::path& path, const Clock& clock, double begun_s);
  /// Notes that the life is over.
  ~LifeKeeper();
  LifeKeeper(const LifeKeeper&) = delete;
  LifeKeeper& operator=(const LifeKeeper&) = delete;

  int64_t number() const { return life_.number; }
  /// Seconds since the life began.
  double age_s() const { return clock_.now_s() - begun_s_; }
  /// Those before this one, as they stood when it began.
  const std::vector<Life>& before() const { return before_; }
  const Life& now() const { return life_; }

 private:
  void beat(const std::stop_token& stop);
  void write(bool is_over);

  const Clock& clock_;
  double begun_s_;
  std::vector<Life> before_;
  Life life_;
  FileDescriptor file_;
  std::jthread thread_;  ///< last: it uses the rest
};

}  // namespace gradus::rl
