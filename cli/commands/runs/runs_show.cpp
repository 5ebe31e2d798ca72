#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/json.h"
#include "base/printable.h"
#include "base/quantity.h"
#include "cli/commands/command_record.h"
#include "cli/commands/runs/chain_table.h"
#include "cli/text_table.h"
#include "rl/run/ledger.h"
#include "runs/chain_view.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::cli {
namespace {

constexpr size_t kShownWarnings = 30;

struct RunsShowOptions {
  std::string dir;
  bool as_json = false;
};

std::string interval_text(const runs::EvalPoint& eval) {
  if (!eval.low || !eval.high) return "";
  return fmt::format("[{:.4f}, {:.4f}]", *eval.low, *eval.high);
}

std::string evals_text(const runs::RunView& run) {
  if (run.evals.empty()) return "no evaluation\n";
  TextTable table({"step", "accuracy", "95 % interval"});
  for (const auto& eval : run.evals) {
    table.add(
        {std::to_string(eval.step), fmt::format("{:.4f}", eval.accuracy), interval_text(eval)});
  }
  return table.text();
}

std::string ledger_text(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return "";
  TextTable table({"stage", "time", "tokens", "work", "money"});
  for (const auto& [stage, total] : rl::read_ledger(path)) {
    table.add({stage, duration_text(total.seconds), count_text(static_cast<double>(total.tokens)),
               flops_text(total.flops), total.money ? fmt::format("{:.4f}", *total.money) : "-"});
  }
  return "\n" + table.text();
}

std::string before_and_after(const runs::RunView& run) {
  if (run.evals.size() < 2) return "";
  const runs::EvalPoint before = run.evals.front();
  const runs::EvalPoint after = run.evals.back();
  return fmt::format("\naccuracy {} (step {}): {:.4f} {}\naccuracy after  (step {}): {:.4f} {}\n",
                     before.step == 0 ? "before" : "first ", before.step, before.accuracy,
                     interval_text(before), after.step, after.accuracy, interval_text(after));
}

std::string warnings_text(const runs::RunView& run) {
  const size_t first = run.warnings.size() - std::min(run.warnings.size(), kShownWarnings);
  std::string text;
  if (first > 0) text += fmt::format("\n{} earlier warnings are in warnings.jsonl", first);
  for (size_t i = first; i < run.warnings.size(); ++i)
    text += fmt::format("\nwarning (step {}): {}", run.warnings[i].step,
                        printable(run.warnings[i].message));
  return text.empty() ? "" : text + "\n";
}

nlohmann::json as_json(const runs::RunView& run) {
  nlohmann::json evals = nlohmann::json::array();
  for (const auto& eval : run.evals) {
    nlohmann::json object{{"step", eval.step}, {"accuracy", eval.accuracy}};
    if (eval.low) object["low"] = *eval.low;
    if (eval.high) object["high"] = *eval.high;
    evals.push_back(object);
  }
  nlohmann::json warnings = nlohmann::json::array();
  for (const auto& warning : run.warnings)
    warnings.push_back(
        {{"step", warning.step}, {"time", warning.time}, {"message", warning.message}});
  return {{"run", run.path.string()},
          {"state", run.state},
          {"reason", run.reason},
          {"step", run.step},
          {"steps", run.steps},
          {"updated", run.updated},
          {"evals", evals},
          {"warnings", warnings},
          {"last_metrics", run.metrics.empty() ? nlohmann::json::object()
                                               : nlohmann::json(run.metrics.back().values)}};
}

void show_run(const RunsShowOptions& options, Session& session) {
  if (const auto chain = runs::find_chain(options.dir)) {
    const auto view = runs::read_chain(*chain);
    session.out << (options.as_json ? runs::chain_json(view) + "\n" : chain_text(view));
    return;
  }
  const runs::RunView run = runs::read_run(runs::locate_run(options.dir));
  if (options.as_json) {
    session.out << dump_json(as_json(run)) << "\n";
    return;
  }
  session.out << fmt::format("{}: {}, step {} of {}{}\n\n", printable(run.path.string()),
                             printable(run.state), run.step, run.steps,
                             run.reason.empty() ? "" : " (" + printable(run.reason) + ")")
              << evals_text(run) << ledger_text(run.path / "ledger.jsonl") << before_and_after(run)
              << warnings_text(run);
}

void declare_runs_show(Command app, Session& session) {
  auto options = std::make_shared<RunsShowOptions>();
  app.add_option("dir", options->dir, "the folder or name of a run, or of a chain of stages")
      .required();
  app.add_flag("--json", options->as_json, "one JSON object");
  app.callback([options, &session] { show_run(*options, session); });
}

}  // namespace

extern const CommandRecord kRunsShowCommand{
    "runs", "show", "state, evaluations and cost of one run, or of a chain of stages",
    declare_runs_show};

}  // namespace gradus::cli
