#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

namespace gradus {

/// A fixed team of threads that does the tasks of one call at a time.
///
/// Kernels cut their output into tasks; a value never depends on how it was cut or on who computed
/// it, so results have the same bits for every team size. The calling thread is member 0. Tasks are
/// taken one by one, and a member that another program keeps from its core when a call ends is
/// passed over: the others do its share, the call waits only for tasks that were begun. One thread
/// may call at a time; teams are cheap enough to have one per rollout worker.
///
///     team.run(rows, [&](ThreadTeam::Tasks& tasks) {
///       std::vector<float> memory(width);  // of this member, in this call
///       for (int64_t row; tasks.next(row);) compute(row, memory);
///     });
class ThreadTeam {
 public:
  /// What is left to do in a call, as one member sees it.
  class Tasks {
   public:
    /// Takes a task nobody has taken, in [0, count) and in rising order; false when none is left.
    bool next(int64_t& task) {
      task = next_.fetch_add(1, std::memory_order_relaxed);
      return task < count_;
    }
    /// In [0, size()); no two that run at the same time share one.
    int member() const { return member_; }

   private:
    friend class ThreadTeam;
    Tasks(std::atomic<int64_t>& next, int64_t count, int member)
        : next_(next), count_(count), member_(member) {}

    std::atomic<int64_t>& next_;
    int64_t count_;
    int member_;
  };

  /// @param size  members, the caller included; at least 1.
  /// @throws gradus::Error  the system gives fewer threads (a limit of processes or of memory).
  explicit ThreadTeam(int size);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  /// Calls fn(Tasks&) on the caller, and on each other member that comes before the tasks are all
  /// taken; fn takes tasks until none is left. Returns when all that were taken are done. What fn
  /// throws is thrown here once the others have ended (the first, where several do); the output is
  /// then in no defined state. fn must not call the same team.
  template <class Fn>
  void run(int64_t count, Fn&& fn) {
    if (count <= 0) return;
    std::atomic<int64_t> next{0};
    auto work = [&](int member) {
      Tasks tasks(next, count, member);
      fn(tasks);
    };
    if (size_ == 1 || count == 1) return work(0);
    dispatch([](void* f, int member) { (*static_cast<decltype(work)*>(f))(member); }, &work);
  }

  /// Calls fn(begin, end) on contiguous parts of [0, count), each at least `grain` long where
  /// possible; small counts run on the caller alone.
  template <class Fn>
  void for_range(int64_t count, int64_t grain, Fn&& fn) {
    if (count <= 0) return;
    const int64_t wanted = grain > 0 ? (count + grain - 1) / grain : count;
    const int64_t parts = wanted < size_ ? wanted : size_;
    if (parts == 1) return fn(int64_t{0}, count);
    run(parts, [&](Tasks& tasks) {
      for (int64_t part; tasks.next(part);) fn(count * part / parts, count * (part + 1) / parts);
    });
  }

 private:
  using Call = void (*)(void*, int);
  void dispatch(Call call, void* fn);
  void call_guarded(int member) noexcept;
  void serve(int member);
  void stop();

  int size_;
  Call call_ = nullptr;
  void* fn_ = nullptr;
  std::exception_ptr error_;  ///< the first of this call; written by who sets has_error_
  std::atomic<bool> has_error_{false};
  std::atomic<uint32_t> round_{0};  ///< 32 bits: what a futex can wait on
  std::atomic<uint32_t> gate_{0};  ///< 1 while a call lets members in, and 2 for each that is in it
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace gradus
