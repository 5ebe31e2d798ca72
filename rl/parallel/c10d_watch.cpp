#include "rl/parallel/c10d_watch.h"

#ifdef GRADUS_GLOO

#include <fmt/format.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

namespace gradus::rl {
namespace {

constexpr std::chrono::milliseconds kBeat{250};
constexpr std::chrono::milliseconds kToLeave{3000};  // once a rank has given up

}  // namespace

RankWatch::RankWatch(c10::intrusive_ptr<c10d::Store> store, const RankPlace& place,
                     double peer_timeout_s, const std::vector<Joined>& all)
    : store_(std::move(store)),
      place_(place),
      peer_timeout_(ms(peer_timeout_s)),
      all_(all),
      heard_(all.size(), {-1, Clock::now()}),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

void RankWatch::watch(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    try {
      look();
    } catch (const std::exception& error) {
      if (stop.stop_requested()) return;
      end(kMayRestart, fmt::format("the store at {}:{} is gone: {}", place_.address, place_.port,
                                   first_line(error)));
    }
    wake.wait_for(lock, stop, kBeat, [] { return false; });
  }
}

void RankWatch::look() {
  store_->add(fmt::format("beat/{}", place_.rank), 1);
  const auto now = Clock::now();
  if (!aborted_at_ && store_->check({"abort"})) aborted_at_ = now;
  // Most find it in their next call, and may save before they go.
  if (aborted_at_ && now - *aborted_at_ > kToLeave)
    end(kMustNotRestart, text_of(store_->get("abort")));
  for (int r = 0; r < place_.size; ++r) {
    if (r == place_.rank) continue;
    Heard& heard = heard_[static_cast<size_t>(r)];
    const int64_t beat = store_->add(fmt::format("beat/{}", r), 0);
    if (beat != heard.beat)
      heard = {beat, now};
    else if (now - heard.at > peer_timeout_ && !store_->check({fmt::format("left/{}", r)}))
      end(kMayRestart, fmt::format("{} has not been heard of for {:.1f} s (cluster.peer_timeout_s)",
                                   name_of(r, all_[static_cast<size_t>(r)]),
                                   std::chrono::duration<double>(now - heard.at).count()));
  }
}

// The main thread may be in a call that nobody will ever answer.
void RankWatch::end(int code, const std::string& reason) const {
  const std::string message = fmt::format("gradus: rank {}: {}\n", place_.rank, reason);
  write_rank_error(message);
  std::fputs(message.c_str(), stderr);
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace gradus::rl

#endif
