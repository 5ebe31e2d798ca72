#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/files/file_descriptor.h"
#include "service/store/sqlite.h"

namespace gradus::service {

/// The one store of a data directory, DIR/gradus.db: keys, files, jobs, events, checkpoints,
/// models, usage. SQLite in WAL mode with synchronous FULL: what `write` has returned from survives
/// a kill and a power cut.
///
/// One thread writes. Writes that wait while it syncs are committed together, each in a savepoint
/// of its own, so that one that fails takes no other with it. Reads run beside it, from any thread.
class Store {
 public:
  /// Opens or makes it and brings it to the newest schema (store/migrations.h), a copy of the old
  /// beside it. @throws FileError  kind "newer_schema", "corrupt", or the disk's.
  explicit Store(const std::filesystem::path& data_dir);
  ~Store();

  /// Runs `work` on the writer and returns what it does once that is on disk. What it throws is
  /// thrown here, and nothing of it is kept.
  template <class Work>
  auto write(Work work) -> decltype(work(std::declval<Database&>())) {
    using Result = decltype(work(std::declval<Database&>()));
    if constexpr (std::is_void_v<Result>) {
      commit([&](Database& database) { work(database); });
    } else {
      std::optional<Result> result;
      commit([&](Database& database) { result.emplace(work(database)); });
      return std::move(*result);
    }
  }

  /// As write, but nobody waits: for records whose loss in a kill does no harm. Faults are dropped.
  void write_later(std::function<void(Database&)> work);

  /// Runs `work` on a connection that only reads, and sees every write that has returned.
  template <class Work>
  auto read(Work work) const -> decltype(work(std::declval<Database&>())) {
    const Loan loan(*this);
    return work(*loan.database);
  }

  /// A whole, consistent copy at `path`, while others go on. @throws FileError
  void back_up(const std::filesystem::path& path);

  /// Seconds since 1970, never less than any before: rows are in the order of their times.
  int64_t now();

 private:
  struct Task {
    std::function<void(Database&)> work;
    std::promise<void> done;
  };
  struct Loan {
    explicit Loan(const Store& store);
    ~Loan();
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    const Store& store;
    std::unique_ptr<Database> database;
  };

  void commit(std::function<void(Database&)> work);
  void serve();
  void run_together(std::vector<Task>& tasks);

  std::filesystem::path path_;
  Database writer_;
  mutable std::mutex readers_mutex_;
  mutable std::vector<std::unique_ptr<Database>> readers_;
  std::mutex mutex_;
  std::condition_variable has_tasks_;
  std::deque<Task> tasks_;
  bool is_stopping_ = false;
  std::mutex clock_mutex_;
  int64_t last_now_ = 0;
  std::thread thread_;
};

/// A prefix and `length` random characters of [A-Za-z0-9].
std::string random_id(const std::string& prefix, int length = 24);

}  // namespace gradus::service
