#pragma once

#include <atomic>
#include <string>

namespace gradus {

/// Seconds that never run backwards; passed in, so that tests can set them.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Seconds since some fixed start. Any thread.
  virtual double now_s() const = 0;
  /// Seconds since 1970, for records; never for measuring. Any thread.
  virtual double wall_s() const = 0;
};

/// The machine's steady clock.
class SteadyClock final : public Clock {
 public:
  double now_s() const override;
  double wall_s() const override;
};

/// The machine's clocks, for whoever is given no other. Stateless.
const Clock& machine_clock();

/// A clock that moves only when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(double now_s = 0.0) : now_s_(now_s) {}
  double now_s() const override { return now_s_.load(); }
  double wall_s() const override { return now_s_.load(); }
  void set(double now_s) { now_s_.store(now_s); }
  void advance(double seconds) { now_s_.store(now_s_.load() + seconds); }

 private:
  std::atomic<double> now_s_;
};

/// UTC as "2026-03-01T12:34:56Z", for log lines and records; never for measuring.
std::string utc_now();

}  // namespace gradus
