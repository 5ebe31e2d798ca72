#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <ostream>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/files/file_descriptor.h"
#include "base/printable.h"
#include "cli/commands/command_record.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::cli {
namespace {

constexpr auto kHolderPoll = std::chrono::milliseconds(100);

struct RunsStopOptions {
  std::vector<std::string> runs;
  double wait_s = 600.0;
};

/// Whether nobody works on the run any more.
bool wait_for_end(const std::filesystem::path& run, double seconds, Session& session) {
  const Clock& clock = machine_clock();
  const double end = clock.now_s() + seconds;
  while (runs::is_held(run)) {
    if (clock.now_s() >= end || session.stop.stop_requested()) return false;
    std::this_thread::sleep_for(kHolderPoll);
  }
  return true;
}

void stop_run(const std::string& name, const RunsStopOptions& options, Session& session) {
  const auto run = runs::locate_run(name);
  const std::string shown = printable(run.string());
  const auto holder = runs::holder_of(run);
  if (!holder) {
    session.out << fmt::format("{}: nothing works on it ({})\n", shown,
                               printable(runs::read_run(run).state));
    return;
  }
  if (holder->pid == 0)
    throw Error(
        fmt::format("{}: a process works on it that cannot be seen from here; stop it on "
                    "the machine, or in the container, where it was started",
                    shown));
  if (::kill(holder->pid, SIGTERM) != 0)
    throw_file_error(run, "stop_failed", fmt::format("process {} cannot be told", holder->pid),
                     errno);
  if (options.wait_s <= 0) {
    session.out << fmt::format("{}: process {} was told to stop\n", shown, holder->pid);
    return;
  }
  if (!wait_for_end(run, options.wait_s, session))
    throw Error(
        fmt::format("{}: process {} was told to stop and has not ended yet; `gradus runs "
                    "watch` shows the end",
                    shown, holder->pid));
  const auto ended = runs::read_run(run);
  session.out << fmt::format("{}: {} at step {} of {}\n", shown, printable(ended.state), ended.step,
                             ended.steps);
}

void declare_runs_stop(Command app, Session& session) {
  auto options = std::make_shared<RunsStopOptions>();
  app.add_option("runs", options->runs, "folders or names of runs").required();
  app.add_option("--wait", options->wait_s, "seconds to wait for the end; 0: none; default 600");
  app.callback([options, &session] {
    for (const auto& name : options->runs) stop_run(name, *options, session);
  });
}

}  // namespace

extern const CommandRecord kRunsStopCommand{
    "runs", "stop", "stop runs as Ctrl-C does: they save, and --resume goes on", declare_runs_stop};

}  // namespace gradus::cli
