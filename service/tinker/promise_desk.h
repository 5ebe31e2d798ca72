#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace gradus::service {

/// Clients that wait for results, without a thread each: a list, and one thread that tells those
/// whose time is over. Any thread.
class PromiseDesk {
 public:
  /// Called once, on the thread of who has the news: must not wait for long.
  using Told = std::function<void()>;
  using Ticket = uint64_t;

  /// @param poll_s  the longest that one waits.
  explicit PromiseDesk(double poll_s);
  ~PromiseDesk();

  /// `told` is called when the promise has an end, when the time is over, or when the server stops.
  Ticket wait(const std::string& promise, Told told);
  /// @return  whether it was still waiting: it is then not told.
  bool forget(Ticket ticket);
  /// A promise has its end.
  void wake(const std::string& promise);
  /// Tells all, and from now on each at once.
  void stop();

 private:
  struct Waiting {
    std::string promise;
    double until_s = 0.0;
    Told told;
  };

  void watch();

  double poll_s_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::map<Ticket, Waiting> waiting_;  ///< by ticket, so in the order of their ends
  std::multimap<std::string, Ticket> by_promise_;
  Ticket next_ticket_ = 1;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace gradus::service
