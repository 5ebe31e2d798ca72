#include "base/parallel.h"

#include <system_error>

#include "base/error.h"

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
  threads_.reserve(static_cast<size_t>(size - 1));
  try {
    for (int member = 1; member < size; ++member) {
      threads_.emplace_back([this, member] { serve(member); });
    }
  } catch (const std::system_error& error) {
    const size_t started = threads_.size() + 1;
    stop();
    throw Error("ThreadTeam: the system gave " + std::to_string(started) + " of " +
                std::to_string(size) + " threads (" + error.what() + "); ask for fewer");
  }
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

void ThreadTeam::dispatch(Call call, void* fn) noexcept {
  if (size_ == 1) return call(fn, 0);
  call_ = call;
  fn_ = fn;
  pending_.store(size_ - 1, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_acq_rel);
  round_.notify_all();
  call(fn, 0);
  for (int left = pending_.load(std::memory_order_acquire); left != 0;) {
    left = wait_while_equal(pending_, left);
  }
}

void ThreadTeam::serve(int member) {
  uint32_t seen = 0;
  for (;;) {
    seen = wait_while_equal(round_, seen);
    if (stopping_.load(std::memory_order_acquire)) return;
    call_(fn_, member);
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
  }
}

}  // namespace gradus
