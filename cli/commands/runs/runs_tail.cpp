#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <ostream>

#include "base/error.h"
#include "cli/commands/command_record.h"
#include "cli/train_display.h"
#include "runs/run_folder.h"

namespace gradus::cli {
namespace {

struct RunsTailOptions {
  std::string run;
  int64_t count = 10;
  bool as_json = false;
};

void show_tail(const RunsTailOptions& options, Session& session) {
  if (options.count < 1)
    throw ArgumentError(fmt::format("runs tail: -n is {}, must be at least 1", options.count));
  const auto records = runs::StepFollower(runs::locate_run(options.run)).poll();
  const auto count = std::min<int64_t>(options.count, std::ssize(records));
  for (auto record = records.end() - count; record != records.end(); ++record) {
    if (options.as_json) {
      session.out << rl::metrics_line(*record) << "\n";
    } else {
      session.out << fmt::format("step {}: {}\n", record->step, step_summary(*record));
    }
  }
}

void declare_runs_tail(Command app, Session& session) {
  auto options = std::make_shared<RunsTailOptions>();
  app.add_option("run", options->run, "the run's folder or name").required();
  app.add_option("-n,--count", options->count, "steps; default 10");
  app.add_flag("--json", options->as_json, "all figures of a step, as in metrics.jsonl");
  app.callback([options, &session] { show_tail(*options, session); });
}

}  // namespace

extern const CommandRecord kRunsTailCommand{"runs", "tail", "a run's last steps",
                                            declare_runs_tail};

}  // namespace gradus::cli
