#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <ostream>
#include <thread>

#include "base/clock.h"
#include "base/printable.h"
#include "cli/commands/command_record.h"
#include "cli/train_display.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::cli {
namespace {

constexpr auto kStepPoll = std::chrono::milliseconds(200);

struct RunsWatchOptions {
  std::string run;
  bool as_json = false;
};

void show_steps(runs::StepFollower& follower, rl::RunObserver& display) {
  for (const auto& record : follower.poll()) {
    if (record.values.contains("eval/accuracy") || record.values.contains("eval/loss"))
      display.on_eval(record.step, record);
    if (record.step > 0) display.on_step(record);
  }
}

void watch_run(const RunsWatchOptions& options, Session& session) {
  const auto run = runs::locate_run(options.run);
  const SteadyClock clock;
  runs::StepFollower follower(run);
  {
    const auto display = make_display(options.as_json, runs::read_run(run).steps, clock, session);
    while (runs::is_held(run) && !session.stop.stop_requested()) {
      show_steps(follower, *display);
      std::this_thread::sleep_for(kStepPoll);
    }
    show_steps(follower, *display);
  }
  const auto end = runs::read_run(run);
  if (!options.as_json) {
    session.out << fmt::format("{}: {} at step {} of {}{}\n", printable(run.string()),
                               printable(end.state), end.step, end.steps,
                               end.reason.empty() ? "" : ": " + printable(end.reason));
  }
  if (end.state == "failed" || end.state == "killed") session.exit_code = kFailed;
}

void declare_runs_watch(Command app, Session& session) {
  auto options = std::make_shared<RunsWatchOptions>();
  app.add_option("run", options->run, "the run's folder or name").required();
  app.add_flag("--json", options->as_json, "one JSON object per step and line");
  app.callback([options, &session] { watch_run(*options, session); });
}

}  // namespace

extern const CommandRecord kRunsWatchCommand{
    "runs", "watch", "follow a run until it ends; 1 where it fails or was killed",
    declare_runs_watch};

}  // namespace gradus::cli
