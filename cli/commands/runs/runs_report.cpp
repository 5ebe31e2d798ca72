#include <memory>
#include <ostream>

#include "cli/commands/command_record.h"
#include "runs/report/report.h"
#include "runs/run_folder.h"

namespace gradus::cli {
namespace {

void declare_runs_report(Command app, Session& session) {
  auto dir = std::make_shared<std::string>();
  app.add_option("dir", *dir, "the run's folder or name").required();
  app.callback([dir, &session] {
    session.out << runs::write_report(runs::locate_run(*dir)).string() << "\n";
  });
}

}  // namespace

extern const CommandRecord kRunsReportCommand{"runs", "report", "write RUN/report.html anew",
                                              declare_runs_report};

}  // namespace gradus::cli
