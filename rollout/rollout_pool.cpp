#include "rollout/rollout_pool.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/parallel.h"
#include "base/thread_start.h"
#include "rollout/bounded_queue.h"
#include "rollout/engine/engine.h"

namespace gradus::rollout {
namespace {

constexpr int kAnyNumberOfSequences = std::numeric_limits<int>::max();

struct Worker {
  std::unique_ptr<ThreadTeam> team;
  std::unique_ptr<Engine> engine;  ///< made in the worker's own thread at its first run
};

/// A request that never reached an engine, as records.
Rollout unanswered(RolloutRequest request, FinishReason reason, const std::string& error) {
  Rollout rollout{std::move(request.prompt), {}};
  for (int i = 0; i < request.num_completions; ++i) {
    Completion completion;
    completion.index = i;
    completion.finish = reason;
    completion.error = error;
    rollout.completions.push_back(std::move(completion));
  }
  return rollout;
}

/// What one call of `run` shares among its workers.
class Batch {
 public:
  Batch(std::vector<RolloutRequest> requests, std::stop_token stop,
        std::function<void(const Rollout&)> on_done, int workers)
      : requests_(std::move(requests)),
        results_(requests_.size()),
        stop_(std::move(stop)),
        on_done_(std::move(on_done)),
        queue_(2 * static_cast<size_t>(workers)),
        working_(workers) {
    int64_t completions = 0;
    for (const auto& request : requests_) completions += request.num_completions;
    fair_share_ = (completions + workers - 1) / workers;
  }

  /// Deals the requests in order; returns when all are dealt, or nobody takes them any more.
  void deal() {
    for (size_t i = 0; i < requests_.size(); ++i)
      if (!queue_.push(i, stop_)) break;
    queue_.close();
  }

  /// Nothing more is dealt: workers that wait for a request go.
  void close() { queue_.close(); }

  /// A worker's life. Nothing thrown in it may end the run: what it held fails with the reason.
  /// @return false when that happened; the engine is in no state to be used again.
  bool work(const std::function<Engine&()>& engine_of_worker, int max_sequences) {
    std::unordered_map<Engine::Ticket, size_t> open;
    std::string error;
    try {
      serve(engine_of_worker(), max_sequences, open);
    } catch (const std::exception& caught) {
      error = "a rollout worker failed: " + failure_text(caught);
    }
    const std::lock_guard lock(mutex_);
    if (!error.empty()) {
      last_error_ = error;
      for (const auto& [ticket, index] : open)
        store(index, unanswered(std::move(requests_[index]), FinishReason::failed, error));
    }
    if (--working_ == 0) queue_.close();
    return error.empty();
  }

  /// Results in the requests' order; what nobody took is aborted or failed.
  std::vector<Rollout> take_results(RolloutStats& stats) {
    std::vector<Rollout> rollouts;
    for (size_t i = 0; i < results_.size(); ++i) {
      if (!results_[i]) {
        const bool is_failed = !last_error_.empty() && !stop_.stop_requested();
        store(i, unanswered(std::move(requests_[i]),
                            is_failed ? FinishReason::failed : FinishReason::aborted, last_error_));
      }
      rollouts.push_back(std::move(*results_[i]));
    }
    stats.failed += failed_;
    stats.aborted += aborted_;
    return rollouts;
  }

 private:
  void serve(Engine& engine, int max_sequences, std::unordered_map<Engine::Ticket, size_t>& open) {
    const int64_t most_open = std::min<int64_t>(max_sequences, fair_share_);
    for (;;) {
      while (engine.num_open() < most_open && !stop_.stop_requested()) {
        const auto index = engine.is_idle() ? queue_.pop(stop_) : queue_.try_pop();
        if (!index) break;
        submit(engine, *index, open);
      }
      if (engine.is_idle()) return;
      if (stop_.stop_requested()) engine.cancel_all();
      for (auto& finished : engine.step()) {
        const auto index = open.extract(finished.ticket).mapped();
        const std::lock_guard lock(mutex_);
        results_[index] = std::move(finished.rollout);
        if (on_done_) on_done_(*results_[index]);
      }
    }
  }

  void submit(Engine& engine, size_t index, std::unordered_map<Engine::Ticket, size_t>& open) {
    try {
      open.emplace(engine.submit(requests_[index]), index);
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      store(index, unanswered(std::move(requests_[index]), FinishReason::failed, error.what()));
    }
  }

  /// Under the mutex, or when the workers are gone.
  void store(size_t index, Rollout rollout) {
    for (const auto& completion : rollout.completions)
      ++(completion.finish == FinishReason::failed ? failed_ : aborted_);
    results_[index] = std::move(rollout);
    if (on_done_) on_done_(*results_[index]);
  }

  std::vector<RolloutRequest> requests_;
  std::vector<std::optional<Rollout>> results_;
  std::stop_token stop_;
  std::function<void(const Rollout&)> on_done_;
  BoundedQueue<size_t> queue_;
  std::mutex mutex_;
  int working_;
  int64_t fair_share_ = 0;
  int64_t failed_ = 0;  ///< of requests that no engine answered
  int64_t aborted_ = 0;
  std::string last_error_;
};

/// Workers run side by side, each at its own peak.
void add(RolloutStats& sum, const RolloutStats& part) {
  add_counts(sum, part);
  sum.peak_blocks += part.peak_blocks;
}

}  // namespace

struct RolloutPool::Impl {
  const policy::Policy& policy;
  const policy::Tokenizer& tokenizer;
  RolloutConfig config;
  const Clock& clock;
  int64_t all_blocks = 0;
  int64_t blocks_per_worker = 0;  ///< of the engines that there are
  std::vector<Worker> workers;
  RolloutStats stats;

  /// Blocks of one worker's engine when `num_workers` share the budget.
  int64_t share_of(int64_t num_workers) const {
    const int64_t most =
        blocks_in_budget(policy, config.kv_cache_mb, config.max_sequences, config.speculative);
    return std::min(all_blocks / num_workers, most);
  }

  /// How many of the workers get work: where a part of the budget does not hold the largest request
  /// that the whole would hold, fewer share it. So `workers` decides on time alone.
  size_t num_working(const std::vector<RolloutRequest>& requests) const {
    int64_t largest = 1;
    for (const auto& request : requests) {
      const int64_t blocks = blocks_wanted(policy, request);
      if (blocks <= all_blocks) largest = std::max(largest, blocks);
    }
    const auto most = static_cast<size_t>(std::max<int64_t>(1, all_blocks / largest));
    return std::min(workers.size(), most);
  }

  /// Engines of another share are made anew.
  void share_among(size_t num_workers) {
    const int64_t share = share_of(static_cast<int64_t>(num_workers));
    for (size_t i = 0; i < workers.size(); ++i)
      if (share != blocks_per_worker || i >= num_workers) workers[i].engine.reset();
    blocks_per_worker = share;
  }

  Engine& engine_of(Worker& worker) {
    if (!worker.engine) {
      const EngineConfig engine{config.max_sequences, config.prefill_rows, blocks_per_worker,
                                config.speculative};
      worker.engine = std::make_unique<Engine>(policy, tokenizer, engine, *worker.team, clock);
    }
    worker.engine->reset_stats();
    return *worker.engine;
  }

  void work_on(Batch& batch, size_t num_workers) {
    std::vector<std::jthread> threads;
    const auto start = [&] {
      threads.reserve(num_workers);
      for (size_t i = 0; i < num_workers; ++i)
        threads.emplace_back([this, &batch, &worker = workers[i]] {
          const auto engine = [this, &worker]() -> Engine& { return engine_of(worker); };
          if (!batch.work(engine, config.max_sequences)) worker.engine.reset();
        });
    };
    // Those that were started wait for requests: joining them first would never end.
    start_threads("rollout.workers", static_cast<int>(num_workers), start, [&] {
      batch.close();
      return static_cast<int>(threads.size());
    });
    batch.deal();
  }
};

RolloutPool::RolloutPool(const policy::Policy& policy, const policy::Tokenizer& tokenizer,
                         RolloutConfig config, int threads, const Clock& clock)
    : impl_(new Impl{policy, tokenizer, std::move(config), clock, 0, 0, {}, {}}) {
  const auto& settings = impl_->config;
  if (settings.speculative) check_can_draft(policy);
  impl_->all_blocks =
      blocks_in_budget(policy, settings.kv_cache_mb, kAnyNumberOfSequences, settings.speculative);
  const int all_threads = settings.threads > 0 ? settings.threads : threads;
  for (int i = 0; i < settings.workers; ++i) {
    // The remainder goes to the first workers.
    const int own = all_threads / settings.workers + (i < all_threads % settings.workers ? 1 : 0);
    impl_->workers.push_back({std::make_unique<ThreadTeam>(std::max(1, own)), nullptr});
  }
}

RolloutPool::~RolloutPool() = default;

std::vector<Rollout> RolloutPool::run(std::vector<RolloutRequest> requests, std::stop_token stop,
                                      std::function<void(const Rollout&)> on_done) {
  for (const auto& request : requests) {
    if (request.num_completions < 1)
      throw ArgumentError("rollout of " + request.prompt.id +
                          ": num_completions must be at least 1");
  }
  const double begin = impl_->clock.now_s();
  const size_t num_workers = impl_->num_working(requests);
  impl_->share_among(num_workers);
  Batch batch(std::move(requests), std::move(stop), std::move(on_done),
              static_cast<int>(num_workers));
  impl_->work_on(batch, num_workers);
  RolloutStats stats;
  for (auto& worker : impl_->workers)
    if (worker.engine) add(stats, worker.engine->stats());
  auto rollouts = batch.take_results(stats);
  stats.seconds = impl_->clock.now_s() - begin;
  impl_->stats = stats;
  return rollouts;
}

const RolloutStats& RolloutPool::last_stats() const {
  return impl_->stats;
}

}  // namespace gradus::rollout
