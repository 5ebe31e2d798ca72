#include "rl/run/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "rl/parallel/bytes.h"
#include "rl/parallel/gather.h"
#include "rl/run/resumed_log.h"
#include "rl/run/shared_restore.h"

namespace gradus::rl {
namespace {

constexpr double kLookForSpaceEvery_s = 0.5;

int64_t size_in(const TrainState& state, std::string_view name) {
  const auto found = state.log_bytes.find(std::string(name));
  return found == state.log_bytes.end() ? 0 : found->second;
}

std::unique_ptr<Logger> open_logger(const LoggerKind& kind, const Run& run, int64_t num_bytes) {
  const auto open = [&](int64_t bytes) {
    return kind.open(run.directory().path(), bytes, run.clock().wall_s());
  };
  try {
    return open(num_bytes);
  } catch (const FileError& error) {
    if (error.kind() != "truncated") throw;
    run.observer().on_warning(fmt::format(
        "{}: its file is gone or was cut; it begins anew, without the steps so far", kind.name));
    return open(0);
  }
}

}  // namespace

Run::Run(RunSettings settings, LedgerConfig ledger, RunDirectory directory,
         RunEnvironment environment, std::unique_ptr<LifeKeeper> life)
    : settings_(std::move(settings)),
      observer_(std::make_unique<WarningKeeper>(directory.warnings(), environment.observer)),
      ledger_config_(std::move(ledger)),
      directory_(std::move(directory)),
      environment_(std::move(environment)),
      begin_s_(environment_.clock.now_s()),
      life_(life ? std::move(life)
                 : std::make_unique<LifeKeeper>(directory_.lives(), clock(), clock().now_s())),
      checkpoints_(directory_.checkpoints(),
                   [this](const std::string& message) { observer_->on_warning(message); }) {
  if (!environment_.ranks) environment_.ranks = alone();
}

bool Run::agrees_to_stop() const {
  return any_rank(ranks(), is_stopping());
}

void Run::agree_on(std::map<std::string, double>& figures) const {
  if (ranks().size() == 1) return;
  ByteWriter own;
  for (const auto& [name, value] : figures) {
    own.text(name);
    own.number(value);
  }
  const std::string text = text_of_first(ranks(), own.take());
  figures.clear();
  for (ByteReader in(text); !in.is_empty();) {
    const std::string name = in.text();
    figures[name] = in.number<double>();
  }
}

void Run::set_length(const RunLength& length) {
  settings_.steps = length.steps;
  end_cursor_ = length.cursor;
}

void Run::discard() {
  logs_.reset();
  life_.reset();
  directory_.discard();
}

std::pair<TrainState, bool> Run::restore(Learner* learner) {
  auto [state, is_saved] =
      share_restored(ranks(), is_first() ? restore_own(learner) : std::pair{TrainState{}, false},
                     learner, checkpoints_);
  state.seed = settings_.seed;
  write_if_possible("samples", [&] { directory_.drop_samples_after(state.step); });
  if (!is_first()) state.log_bytes.clear();  // its own logs begin here
  open_logs(state);
  return {std::move(state), is_saved};
}

std::pair<TrainState, bool> Run::restore_own(Learner* learner) {
  const auto restored = checkpoints_.load_newest(learner, environment_.may_begin_anew);
  if (restored && restored->seed != settings_.seed)
    throw ConfigError(fmt::format("run.seed: is {}, the checkpoint was made with {}",
                                  settings_.seed, restored->seed));
  return {restored.value_or(TrainState{}), restored.has_value()};
}

void Run::open_logs(const TrainState& state) {
  const auto warn = [this](const std::string& message) { observer_->on_warning(message); };
  const int64_t metrics = bytes_to_keep(directory_.metrics(), size_in(state, "metrics"), warn);
  LedgerConfig bill = ledger_config_;
  if (bill.devices == 1) bill.devices = ranks().size();  // each rank holds one at least
  const int64_t ledger = bytes_to_keep(directory_.ledger(), size_in(state, "ledger"), warn);
  logs_.emplace(Logs{MetricsLog(directory_.metrics(), metrics),
                     Ledger(directory_.ledger(), ledger, state.step, bill, life_.get()),
                     {}});
  for (const std::string& name : settings_.loggers) {
    const LoggerKind& kind = loggers().at(name);
    logs_->others.emplace_back(&kind, open_logger(kind, *this, size_in(state, kind.key)));
  }
}

void Run::enter(const LedgerEntry& entry) {
  if (!is_first()) return;
  write_when_possible([&] { enter_at_once(entry); });
}

void Run::enter_at_once(const LedgerEntry& entry) {
  if (is_first()) logs_->ledger.append(entry);
}

void Run::settle(const std::string& stage, int64_t step) {
  if (logs_) write_if_possible("ledger.jsonl", [&] { logs_->ledger.settle(stage, step); });
}

void Run::end(int64_t step) {
  if (environment_.at_end) environment_.at_end(directory_.path());
  settle("report", step);
}

void Run::log(const MetricsRecord& record) {
  if (!is_first()) return;
  write_when_possible([&] { logs_->metrics.append(record); });
  const bool has_eval =
      record.values.contains("eval/accuracy") || record.values.contains("eval/loss");
  if (record.step % settings_.log_every != 0 && !has_eval) return;
  for (auto& [kind, logger] : logs_->others)
    write_if_possible(std::string(kind->name),
                      [&] { logger->write(clock().wall_s(), record.step, record.values); });
}

void Run::save_checkpoint(TrainState& state, Learner* learner) {
  CheckpointStore::NamedTensors moments;
  const bool is_shared = learner != nullptr && learner->optimizer().is_shared();
  if (is_shared) moments = learner->optimizer().all_state_tensors();
  if (!is_first()) return;
  const auto save = [&] { checkpoints_.save(state, learner, is_shared ? &moments : nullptr); };
  settle("idle", state.step);
  // Logs first: a checkpoint must never know more of them than the disk does.
  logs_->metrics.sync();
  logs_->ledger.sync();
  state.log_bytes = {{"metrics", logs_->metrics.num_bytes()},
                     {"ledger", logs_->ledger.num_bytes()}};
  for (auto& [kind, logger] : logs_->others) {
    logger->sync();
    state.log_bytes[std::string(kind->key)] = logger->num_bytes();
  }
  const int64_t best = settings_.keep_best ? state.best_step : -1;
  try {
    save();
  } catch (const FileError& error) {
    // A new checkpoint is worth more than the second newest: that makes room, where there is one.
    if (error.kind() != "disk_full" || checkpoints_.prune(1, best) == 0) throw;
    save();
  }
  checkpoints_.prune(settings_.keep, best);
}

void Run::write_if_possible(const std::string& what, const std::function<void()>& write) {
  const auto warn = [&](const char* why) {
    if (failing_.insert(what).second)
      observer_->on_warning(
          fmt::format("{} cannot be written, the run goes on without: {}", what, why));
  };
  try {
    write();
    failing_.erase(what);
  } catch (const FileError& error) {
    warn(error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    warn(error.what());
  }
}

void Run::write_when_possible(const std::function<void()>& write) {
  for (double waited_s = 0.0;; waited_s += kLookForSpaceEvery_s) {
    try {
      write();
      if (waited_s > 0.0) observer_->on_warning("there is space again, the run goes on");
      return;
    } catch (const FileError& error) {
      const bool may_wait =
          error.kind() == "disk_full" && !is_stopping() && waited_s < settings_.disk_full_wait_s;
      if (!may_wait) throw;
      if (waited_s == 0.0)
        observer_->on_warning(fmt::format(
            "the disk is full: the run waits up to {:.0f} s for space (run.disk_full_wait_s); {}",
            settings_.disk_full_wait_s, error.what()));
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(kLookForSpaceEvery_s));
  }
}

}  // namespace gradus::rl
