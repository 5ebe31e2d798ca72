#include "service/tinker/work_queue.h"

namespace gradus::service {

void WorkQueue::start() {
  for (int i = 0; i < num_threads_; ++i) threads_.emplace_back([this] { serve(); });
}

void WorkQueue::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
    work_.push_back(std::move(work));
  }
  news_.notify_one();
}

void WorkQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    work_.clear();
  }
  news_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void WorkQueue::serve() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      news_.wait(lock, [&] { return is_stopping_ || !work_.empty(); });
      if (is_stopping_) return;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
}

}  // namespace gradus::service
