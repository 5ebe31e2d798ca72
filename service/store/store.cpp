#include "service/store/store.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "service/store/migrations.h"

namespace gradus::service {

Store::Store(const std::filesystem::path& data_dir)
    : path_(data_dir / "gradus.db"), writer_(path_) {
  writer_.run_script("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
  if (writer_.first("PRAGMA quick_check(1)")->text(0) != "ok") {
    throw FileError(path_.string(), "corrupt",
                    "is damaged; bring a backup back, or move it away to begin anew");
  }
  migrate(writer_, [&] { back_up(path_.string() + ".before-upgrade"); });
  last_now_ = static_cast<int64_t>(machine_clock().wall_s());
  thread_ = std::thread([this] { serve(); });
}

Store::~Store() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  has_tasks_.notify_all();
  thread_.join();
}

int64_t Store::now() {
  const std::lock_guard lock(clock_mutex_);
  last_now_ = std::max(last_now_, static_cast<int64_t>(machine_clock().wall_s()));
  return last_now_;
}

void Store::commit(std::function<void(Database&)> work) {
  std::future<void> done;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) throw Error("the store is closed");
    tasks_.push_back({std::move(work), {}});
    done = tasks_.back().done.get_future();
  }
  has_tasks_.notify_one();
  done.get();
}

void Store::write_later(std::function<void(Database&)> work) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
    tasks_.push_back({std::move(work), {}});
  }
  has_tasks_.notify_one();
}

void Store::serve() {
  for (;;) {
    std::vector<Task> tasks;
    {
      std::unique_lock lock(mutex_);
      has_tasks_.wait(lock, [&] { return is_stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      std::move(tasks_.begin(), tasks_.end(), std::back_inserter(tasks));
      tasks_.clear();
    }
    run_together(tasks);
  }
}

void Store::run_together(std::vector<Task>& tasks) {
  std::vector<std::exception_ptr> faults(tasks.size());
  std::exception_ptr fault_of_all;
  try {
    writer_.run_script("BEGIN IMMEDIATE");
    for (size_t i = 0; i < tasks.size(); ++i) {
      writer_.run_script("SAVEPOINT one");
      try {
        tasks[i].work(writer_);
      } catch (...) {
        faults[i] = std::current_exception();
        writer_.run_script("ROLLBACK TO one");
      }
      writer_.run_script("RELEASE one");
    }
    writer_.run_script("COMMIT");
  } catch (...) {
    fault_of_all = std::current_exception();
    try {
      writer_.run_script("ROLLBACK");
    } catch (const std::exception&) {
      // SQLite has rolled back by itself.
    }
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    const auto& fault = fault_of_all ? fault_of_all : faults[i];
    if (fault) {
      tasks[i].done.set_exception(fault);
    } else {
      tasks[i].done.set_value();
    }
  }
}

Store::Loan::Loan(const Store& store_) : store(store_) {
  {
    const std::lock_guard lock(store.readers_mutex_);
    if (!store.readers_.empty()) {
      database = std::move(store.readers_.back());
      store.readers_.pop_back();
    }
  }
  if (!database) {
    database = std::make_unique<Database>(store.path_);
    database->run_script("PRAGMA query_only=ON");
  }
}

Store::Loan::~Loan() {
  const std::lock_guard lock(store.readers_mutex_);
  store.readers_.push_back(std::move(database));
}

void Store::back_up(const std::filesystem::path& path) {
  std::filesystem::remove(path);
  Database source(path_);
  source.query("VACUUM INTO ?", {path.string()});
}

std::string random_id(const std::string& prefix, int length) {
  static constexpr char kLetters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string id = prefix;
  const size_t wanted = prefix.size() + static_cast<size_t>(length);
  while (id.size() < wanted) {
    unsigned char bytes[64];
    const ssize_t count = ::getrandom(bytes, sizeof(bytes), 0);
    for (ssize_t i = 0; i < count && id.size() < wanted; ++i) {
      // 62 * 4: every letter is equally likely.
      if (bytes[i] < 248) id.push_back(kLetters[bytes[i] % 62]);
    }
  }
  return id;
}

}  // namespace gradus::service
