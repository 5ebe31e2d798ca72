#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/json.h"
#include "base/printable.h"
#include "base/quantity.h"
#include "cli/commands/command_record.h"
#include "cli/text_table.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::cli {
namespace {

struct RunsDuOptions {
  std::vector<std::filesystem::path> dirs{"runs"};
  bool as_json = false;
};

void show_disk_use(const RunsDuOptions& options, Session& session) {
  TextTable table({"run", "entry", "size", "files"});
  for (const auto& run : runs::find_runs(options.dirs)) {
    const auto uses = runs::disk_use(run);
    const int64_t total = runs::total_bytes(uses);
    if (options.as_json) {
      nlohmann::json entries = nlohmann::json::object();
      for (const auto& use : uses) entries[use.name] = use.bytes;
      session.out << dump_json({{"run", run.string()}, {"bytes", total}, {"entries", entries}})
                  << "\n";
      continue;
    }
    table.add({printable(runs::name_of_run(run)), "together",
               bytes_text(static_cast<double>(total)), ""});
    for (const auto& use : uses) {
      table.add({"", printable(use.name), bytes_text(static_cast<double>(use.bytes)),
                 std::to_string(use.files)});
    }
  }
  if (!options.as_json) session.out << table.text();
}

void declare_runs_du(Command app, Session& session) {
  auto options = std::make_shared<RunsDuOptions>();
  app.add_option("dirs", options->dirs,
                 "runs, by folder or name, or folders of runs; default: runs");
  app.add_flag("--json", options->as_json, "one JSON object per run and line");
  app.callback([options, &session] { show_disk_use(*options, session); });
}

}  // namespace

extern const CommandRecord kRunsDuCommand{"runs", "du", "what runs take on the disk",
                                          declare_runs_du};

}  // namespace gradus::cli
