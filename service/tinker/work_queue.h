#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gradus::service {

/// A few threads that do pieces of work in the order in which they came. Any thread.
class WorkQueue {
 public:
  explicit WorkQueue(int num_threads) : num_threads_(num_threads) {}
  ~WorkQueue() { stop(); }

  void start();
  /// Work must not throw. Before `start` and after `stop` it waits for ever.
  void post(std::function<void()> work);
  /// What was begun is ended, the rest is dropped.
  void stop();

 private:
  void serve();

  int num_threads_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<std::function<void()>> work_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gradus::service
