#include <memory>
#include <ostream>

#include "cli/commands/command_record.h"
#include "runs/report/report.h"

namespace gradus::cli {
namespace {

void declare_runs_report(Command app, Session& session) {
  auto dir = std::make_shared<std::filesystem::path>();
  app.add_option("dir", *dir, "the run's folder").required();
  app.callback([dir, &session] { session.out << runs::write_report(*dir).string() << "\n"; });
}

}  // namespace

extern const CommandRecord kRunsReportCommand{"runs", "report", "write RUN/report.html anew",
                                              declare_runs_report};

}  // namespace gradus::cli
