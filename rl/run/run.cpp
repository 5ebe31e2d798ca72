#include "rl/run/run.h"

#include <fmt/format.h>

#include "base/error.h"

namespace gradus::rl {
namespace {

int64_t size_in(const TrainState& state, std::string_view name) {
  const auto found = state.log_bytes.find(std::string(name));
  return found == state.log_bytes.end() ? 0 : found->second;
}

}  // namespace

Run::Run(RunSettings settings, LedgerConfig ledger, RunDirectory directory,
         RunEnvironment environment)
    : settings_(std::move(settings)),
      ledger_config_(std::move(ledger)),
      directory_(std::move(directory)),
      environment_(std::move(environment)),
      checkpoints_(directory_.checkpoints(), [this](const std::string& message) {
        environment_.observer.on_warning(message);
      }) {}

std::pair<TrainState, bool> Run::restore(Learner* learner) {
  const auto restored = checkpoints_.load_newest(learner);
  if (restored && restored->seed != settings_.seed)
    throw ConfigError(fmt::format("run.seed: is {}, the checkpoint was made with {}",
                                  settings_.seed, restored->seed));
  TrainState state = restored.value_or(TrainState{});
  state.seed = settings_.seed;
  directory_.drop_samples_after(state.step);
  open_logs(state);
  return {std::move(state), restored.has_value()};
}

void Run::open_logs(const TrainState& state) {
  logs_.emplace(
      Logs{MetricsLog(directory_.metrics(), size_in(state, "metrics")),
           Ledger(directory_.ledger(), size_in(state, "ledger"), state.step, ledger_config_),
           {}});
  for (const std::string& name : settings_.loggers) {
    const LoggerKind& kind = loggers().at(name);
    logs_->others.emplace_back(
        &kind, kind.open(directory_.path(), size_in(state, kind.key), clock().wall_s()));
  }
}

void Run::log(const MetricsRecord& record) {
  logs_->metrics.append(record);
  const bool has_eval =
      record.values.contains("eval/accuracy") || record.values.contains("eval/loss");
  if (record.step % settings_.log_every != 0 && !has_eval) return;
  for (auto& [kind, logger] : logs_->others)
    logger->write(clock().wall_s(), record.step, record.values);
}

void Run::save_checkpoint(TrainState& state, Learner* learner) {
  // Logs first: a checkpoint must never know more of them than the disk does.
  logs_->metrics.sync();
  logs_->ledger.sync();
  state.log_bytes = {{"metrics", logs_->metrics.num_bytes()},
                     {"ledger", logs_->ledger.num_bytes()}};
  for (auto& [kind, logger] : logs_->others) {
    logger->sync();
    state.log_bytes[std::string(kind->key)] = logger->num_bytes();
  }
  checkpoints_.save(state, learner);
  checkpoints_.prune(settings_.keep, settings_.keep_best ? state.best_step : -1);
}

}  // namespace gradus::rl
