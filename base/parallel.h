#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace gradus {

/// A fixed team of threads that runs one function at a time on all its members.
///
/// Kernels split their output over the members; a value never depends on how it was split, so
/// results have the same bits for every team size. The calling thread is member 0. One thread may
/// call `run` at a time; teams are cheap enough to have one per rollout worker.
class ThreadTeam {
 public:
  /// @param size  members, the caller included; at least 1.
  explicit ThreadTeam(int size);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  /// Calls fn(member) once for every member in [0, size()) and returns when all have returned.
  /// fn must not throw (it ends the program) and must not call `run` of the same team.
  template <class Fn>
  void run(Fn&& fn) {
    using Plain = std::remove_reference_t<Fn>;
    dispatch([](void* f, int member) { (*static_cast<Plain*>(f))(member); },
             const_cast<void*>(static_cast<const void*>(&fn)));
  }

  /// Calls fn(begin, end) on contiguous parts of [0, count), each at least `grain` long where
  /// possible; small counts run on the caller alone.
  template <class Fn>
  void for_range(int64_t count, int64_t grain, Fn&& fn) {
    const int64_t wanted = grain > 0 ? (count + grain - 1) / grain : count;
    const int parts = static_cast<int>(wanted < size_ ? (wanted < 1 ? 1 : wanted) : size_);
    if (count <= 0) return;
    if (parts == 1) return fn(int64_t{0}, count);
    run([&](int member) {
      if (member >= parts) return;
      const int64_t begin = count * member / parts;
      const int64_t end = count * (member + 1) / parts;
      if (begin < end) fn(begin, end);
    });
  }

 private:
  using Call = void (*)(void*, int);
  void dispatch(Call call, void* fn) noexcept;  // else others would run a function that is gone
  void serve(int member);
  void stop();

  int size_;
  Call call_ = nullptr;
  void* fn_ = nullptr;
  std::atomic<uint32_t> round_{0};  ///< 32 bits: what a futex can wait on
  std::atomic<int> pending_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace gradus
