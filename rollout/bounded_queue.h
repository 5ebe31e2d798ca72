#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace gradus::rollout {

/// A first-in, first-out queue that holds at most `capacity` items. All calls from any threads.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity < 1 ? 1 : capacity) {}

  /// Waits for room. @return false when the queue is closed or `stop` was requested.
  bool push(T item, const std::stop_token& stop = {}) {
    std::unique_lock lock(mutex_);
    const auto has_room = [&] { return is_closed_ || items_.size() < capacity_; };
    if (!changed_.wait(lock, stop, has_room) || is_closed_ || stop.stop_requested()) return false;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return true;
  }

  /// Waits for an item. @return nullopt when the queue is closed and empty, or `stop` was
  /// requested.
  std::optional<T> pop(const std::stop_token& stop = {}) {
    std::unique_lock lock(mutex_);
    const auto has_news = [&] { return is_closed_ || !items_.empty(); };
    if (!changed_.wait(lock, stop, has_news) || stop.stop_requested()) return std::nullopt;
    return take();
  }

  /// An item if one is there at once.
  std::optional<T> try_pop() {
    const std::lock_guard lock(mutex_);
    return take();
  }

  /// No more pushes; what is in the queue can still be popped. Wakes all who wait.
  void close() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    changed_.notify_all();
  }

 private:
  std::optional<T> take() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<T> items_;
  bool is_closed_ = false;
};

}  // namespace gradus::rollout
