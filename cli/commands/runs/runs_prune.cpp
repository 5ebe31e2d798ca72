#include <fmt/format.h>

#include <memory>
#include <ostream>

#include "base/error.h"
#include "base/printable.h"
#include "cli/commands/command_record.h"
#include "rl/run/run_directory.h"
#include "runs/run_folder.h"

namespace gradus::cli {
namespace {

struct RunsPruneOptions {
  std::vector<std::string> runs;
  int64_t keep = 1;
  bool is_dry = false;
};

void prune_run(const std::string& name, const RunsPruneOptions& options, Session& session) {
  const auto run = runs::locate_run(name);
  std::optional<rl::RunDirectory> directory;  // whose lock keeps others away
  if (!options.is_dry) directory.emplace(rl::RunDirectory::open(run));
  const auto paths = runs::dispensable(run, static_cast<int>(options.keep));
  if (!options.is_dry) runs::remove_from_run(paths);
  for (const auto& path : paths) {
    session.out << fmt::format("{} {}\n", options.is_dry ? "would remove" : "removed",
                               printable(path.string()));
  }
  if (paths.empty()) session.out << fmt::format("{}: nothing to remove\n", printable(run.string()));
}

void prune_runs(const RunsPruneOptions& options, Session& session) {
  constexpr int64_t kMostKept = 1'000'000;
  if (options.keep < 0 || options.keep > kMostKept)
    throw ArgumentError(
        fmt::format("runs prune: --keep is {}, must be 0 to {}", options.keep, kMostKept));
  for (const auto& name : options.runs) prune_run(name, options, session);
}

void declare_runs_prune(Command app, Session& session) {
  auto options = std::make_shared<RunsPruneOptions>();
  app.add_option("runs", options->runs, "folders or names of runs").required();
  app.add_option("--keep", options->keep,
                 "newest checkpoints to keep, the best one stays too; 0: none, the run then cannot "
                 "go on; default 1");
  app.add_flag("--dry-run", options->is_dry, "only say what would be removed");
  app.callback([options, &session] { prune_runs(*options, session); });
}

}  // namespace

extern const CommandRecord kRunsPruneCommand{
    "runs", "prune", "remove checkpoints that runs can do without", declare_runs_prune};

}  // namespace gradus::cli
