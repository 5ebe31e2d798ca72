#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "rl/chain/chain.h"
#include "rl/run/run_observer.h"

namespace gradus::rl {

/// What a chain tells whoever watches it.
class ChainWatcher {
 public:
  virtual ~ChainWatcher() = default;
  /// Nothing of what the stage is made from has changed since it was done.
  virtual void on_skip(const ChainStage&) {}
  /// @param why  "", or why a stage that was done is done again, or that it goes on.
  virtual void on_begin(const ChainStage&, const std::string& /*why*/) {}
  /// Who watches the stage's own run; lives until the next call.
  virtual RunObserver& run_observer(const ChainStage& stage) = 0;
  /// A stage is done. @param figures  of its evaluation; empty: there was none.
  virtual void on_end(const ChainStage&, const std::map<std::string, double>& /*figures*/) {}
  virtual void on_warning(const std::string& /*message*/) {}
};

/// What a chain needs from outside.
struct ChainEnvironment {
  ChainWatcher& watcher;
  std::stop_token stop;
  const Clock& clock;
  /// Called before a stage computes: gives ATen its threads.
  std::function<void(const RunConfig&)> prepare_process = {};
  std::function<bool()> wants_checkpoint = {};
  /// Since when, by the clock, the devices are held; empty: since run_chain was called.
  std::optional<double> begun_s = {};
};

/// The same for one stage.
struct StageRunEnvironment {
  RunObserver& observer;
  std::stop_token stop;
  const Clock& clock;
};

}  // namespace gradus::rl
