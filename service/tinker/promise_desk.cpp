#include "service/tinker/promise_desk.h"

#include <chrono>
#include <vector>

#include "base/clock.h"

namespace gradus::service {
namespace {

/// Erases the entry of one ticket.
void drop_ticket(std::multimap<std::string, PromiseDesk::Ticket>& tickets,
                 const std::string& promise, PromiseDesk::Ticket ticket) {
  const auto [begin, end] = tickets.equal_range(promise);
  for (auto entry = begin; entry != end; ++entry) {
    if (entry->second != ticket) continue;
    tickets.erase(entry);
    return;
  }
}

}  // namespace

PromiseDesk::PromiseDesk(double poll_s) : poll_s_(poll_s), thread_([this] { watch(); }) {}

PromiseDesk::~PromiseDesk() {
  stop();
  thread_.join();
}

PromiseDesk::Ticket PromiseDesk::wait(const std::string& promise, Told told) {
  bool is_late = false;
  Ticket ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    ticket = next_ticket_++;
    is_late = is_stopping_;
    if (!is_late) {
      waiting_.emplace(ticket, Waiting{promise, machine_clock().now_s() + poll_s_, told});
      by_promise_.emplace(promise, ticket);
    }
  }
  if (is_late) told();
  news_.notify_one();
  return ticket;
}

bool PromiseDesk::forget(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return false;
  drop_ticket(by_promise_, found->second.promise, ticket);
  waiting_.erase(found);
  return true;
}

void PromiseDesk::wake(const std::string& promise) {
  std::vector<Told> all;
  {
    const std::lock_guard lock(mutex_);
    const auto [begin, end] = by_promise_.equal_range(promise);
    for (auto entry = begin; entry != end; ++entry) {
      const auto found = waiting_.find(entry->second);
      all.push_back(std::move(found->second.told));
      waiting_.erase(found);
    }
    by_promise_.erase(begin, end);
  }
  for (const auto& told : all) told();
}

void PromiseDesk::stop() {
  std::vector<Told> all;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    for (auto& [ticket, waiting] : waiting_) all.push_back(std::move(waiting.told));
    waiting_.clear();
    by_promise_.clear();
  }
  news_.notify_one();
  for (const auto& told : all) told();
}

void PromiseDesk::watch() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (waiting_.empty()) {
      news_.wait(lock, [&] { return is_stopping_ || !waiting_.empty(); });
      continue;
    }
    const double left = waiting_.begin()->second.until_s - machine_clock().now_s();
    if (left > 0) {
      news_.wait_for(lock, std::chrono::duration<double>(left), [&] { return is_stopping_; });
      continue;
    }
    const auto first = waiting_.begin();
    const Told told = std::move(first->second.told);
    drop_ticket(by_promise_, first->second.promise, first->first);
    waiting_.erase(first);
    lock.unlock();
    told();
    lock.lock();
  }
}

}  // namespace gradus::service
