#include <memory>
#include <ostream>

#include "cli/commands/commands.h"
#include "runs/report/report.h"

namespace gradus::cli {

void add_runs_report(Command parent, Session& session) {
  auto dir = std::make_shared<std::filesystem::path>();
  Command app = parent.add_subcommand("report", "write RUN/report.html anew");
  app.add_option("dir", *dir, "the run's folder").required();
  app.callback([dir, &session] { session.out << runs::write_report(*dir).string() << "\n"; });
}

}  // namespace gradus::cli
