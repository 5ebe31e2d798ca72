#include <fmt/format.h>

#include <istream>
#include <memory>
#include <optional>
#include <ostream>

#include "base/error.h"
#include "base/printable.h"
#include "base/quantity.h"
#include "cli/commands/command_record.h"
#include "rl/run/run_directory.h"
#include "runs/run_folder.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

struct RunsRmOptions {
  std::vector<std::string> runs;
  bool is_sure = false;
};

bool is_confirmed(const fs::path& run, const RunsRmOptions& options, Session& session) {
  if (options.is_sure) return true;
  if (!session.in_is_terminal)
    throw ArgumentError("runs rm: nobody can be asked here; give --yes to remove " +
                        printable(run.string()));
  const int64_t bytes = runs::total_bytes(runs::disk_use(run));
  session.err << fmt::format("remove {} ({}) for good? [y/N] ", printable(run.string()),
                             bytes_text(static_cast<double>(bytes)))
              << std::flush;
  std::string answer;
  std::getline(session.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

/// The folder loses its name first, so that a kill leaves no half of a run under it.
void remove_run(const fs::path& run) {
  const fs::path folder = fs::canonical(run);
  const fs::path hidden = folder.parent_path() / (".removed-" + folder.filename().string());
  std::error_code failed;
  fs::remove_all(hidden, failed);  // what an earlier call left
  if (!failed) fs::rename(folder, hidden, failed);
  if (!failed) fs::remove_all(hidden, failed);
  if (failed)
    throw FileError(folder.string(), "remove_failed", "cannot be removed: " + failed.message());
}

void remove_runs(const RunsRmOptions& options, Session& session) {
  for (const auto& name : options.runs) {
    const fs::path run = runs::locate_run(name);
    if (fs::is_symlink(run))
      throw ArgumentError(fmt::format("runs rm: {} is a link to {}; name that folder itself",
                                      printable(run.string()),
                                      printable(fs::read_symlink(run).string())));
    if (!is_confirmed(run, options, session)) {
      session.out << "kept " << printable(run.string()) << "\n";
      continue;
    }
    const auto directory = rl::RunDirectory::open(run);  // whose lock keeps others away
    remove_run(run);
    session.out << "removed " << printable(run.string()) << "\n";
  }
}

void declare_runs_rm(Command app, Session& session) {
  auto options = std::make_shared<RunsRmOptions>();
  app.add_option("runs", options->runs, "folders or names of runs").required();
  app.add_flag("--yes", options->is_sure, "do not ask");
  app.callback([options, &session] { remove_runs(*options, session); });
}

}  // namespace

extern const CommandRecord kRunsRmCommand{
    "runs", "rm", "remove runs with all they hold; one that goes on is refused", declare_runs_rm};

}  // namespace gradus::cli
