#include "base/parallel.h"

#include <utility>

#include "base/error.h"
#include "base/thread_start.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gradus {
namespace {

// Spinning keeps the hand-over between kernels near a microsecond; after that the member sleeps,
// so that an idle team costs nothing.
constexpr int kSpins = 4000;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

template <class T>
T wait_while_equal(std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    const T now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

ThreadTeam::ThreadTeam(int size) : size_(size) {
  if (size < 1)
    throw ArgumentError("ThreadTeam: size is " + std::to_string(size) + ", must be >= 1");
  const auto start = [&] {
    threads_.reserve(static_cast<size_t>(size - 1));
    for (int member = 1; member < size; ++member)
      threads_.emplace_back([this, member] { serve(member); });
  };
  // Those that were started wait for work: they are told to go before they are joined.
  start_threads("ThreadTeam", size, start, [this] {
    stop();
    return static_cast<int>(threads_.size()) + 1;
  });
}

ThreadTeam::~ThreadTeam() {
  stop();
}

void ThreadTeam::stop() {
  stopping_.store(true, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_acq_rel);
  round_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadTeam::call_guarded(int member) noexcept {
  try {
    call_(fn_, member);
  } catch (...) {
    if (!has_error_.exchange(true, std::memory_order_acq_rel)) error_ = std::current_exception();
  }
}

void ThreadTeam::dispatch(Call call, void* fn) {
  call_ = call;
  fn_ = fn;
  gate_.store(1, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_acq_rel);
  round_.notify_all();
  call_guarded(0);
  uint32_t inside = gate_.fetch_sub(1, std::memory_order_acq_rel) - 1;
  while (inside != 0) inside = wait_while_equal(gate_, inside);
  if (has_error_.load(std::memory_order_relaxed)) {
    has_error_.store(false, std::memory_order_relaxed);
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

void ThreadTeam::serve(int member) {
  uint32_t seen = 0;
  for (;;) {
    seen = wait_while_equal(round_, seen);
    if (stopping_.load(std::memory_order_acquire)) return;
    uint32_t gate = gate_.load(std::memory_order_relaxed);
    while ((gate & 1) != 0 &&
           !gate_.compare_exchange_weak(gate, gate + 2, std::memory_order_acquire)) {
    }
    if ((gate & 1) == 0) continue;  // too late for this call
    call_guarded(member);
    if (gate_.fetch_sub(2, std::memory_order_acq_rel) == 2) gate_.notify_one();
  }
}

}  // namespace gradus
