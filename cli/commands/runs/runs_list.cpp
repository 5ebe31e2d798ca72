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

struct RunsListOptions {
  std::vector<std::filesystem::path> dirs{"runs"};
  bool as_json = false;
};

nlohmann::json eval_json(const std::optional<runs::EvalPoint>& eval) {
  if (!eval) return nullptr;
  nlohmann::json object{{"step", eval->step}, {"accuracy", eval->accuracy}};
  if (eval->low) object["low"] = *eval->low;
  if (eval->high) object["high"] = *eval->high;
  return object;
}

std::string accuracy_text(const std::optional<runs::EvalPoint>& eval) {
  return eval ? fmt::format("{:.4f}", eval->accuracy) : "-";
}

void list_runs(const RunsListOptions& options, Session& session) {
  TextTable table({"run", "state", "steps", "eval first", "eval last", "eval best", "at step",
                   "reward", "updated"});
  for (const auto& path : runs::find_runs(options.dirs)) {
    const runs::RunView run = runs::read_run_or_reason(path);
    const auto best = run.best_eval();
    const auto reward = run.last("reward");
    if (options.as_json) {
      session.out << dump_json({{"run", path.string()},
                                {"name", runs::name_of_run(path)},
                                {"state", run.state},
                                {"reason", run.reason},
                                {"step", run.step},
                                {"steps", run.steps},
                                {"first_eval", eval_json(run.first_eval())},
                                {"last_eval", eval_json(run.last_eval())},
                                {"best_eval", eval_json(best)},
                                {"reward", reward ? nlohmann::json(*reward) : nullptr},
                                {"updated", run.updated}})
                  << "\n";
      continue;
    }
    table.add({printable(runs::name_of_run(path)), run.state,
               fmt::format("{}/{}", run.step, run.steps), accuracy_text(run.first_eval()),
               accuracy_text(run.last_eval()), accuracy_text(best),
               best ? std::to_string(best->step) : "-", reward ? short_number(*reward) : "-",
               run.updated});
  }
  if (!options.as_json) session.out << table.text();
}

void declare_runs_list(Command app, Session& session) {
  auto options = std::make_shared<RunsListOptions>();
  app.add_option("dirs", options->dirs,
                 "runs, by folder or name, or folders of runs; default: runs");
  app.add_flag("--json", options->as_json, "one JSON object per run and line");
  app.callback([options, &session] { list_runs(*options, session); });
}

}  // namespace

extern const CommandRecord kRunsListCommand{"runs", "list", "a table of runs", declare_runs_list};

}  // namespace gradus::cli
