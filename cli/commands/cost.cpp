#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/process/usable_cores.h"
#include "base/quantity.h"
#include "cli/calibration_file.h"
#include "cli/commands/command_record.h"
#include "cli/machine.h"
#include "cli/text_table.h"
#include "rl/chain/chain.h"
#include "rl/recipe/load.h"
#include "runs/chain_view.h"
#include "runs/cost/bill.h"
#include "runs/cost/bill_format.h"
#include "runs/run_folder.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

struct CostOptions {
  std::string what;
  std::string calibration;
  bool as_json = false;
  bool as_csv = false;
};

/// Where a recipe's run or chain lies.
fs::path folder_of_recipe(const std::string& recipe) {
  if (rl::is_chain(recipe)) return rl::load_chain(recipe, {}, "").dir;
  return rl::load_run_config(recipe, {}).run.dir;
}

/// The folder of a run or chain that a person names: the folder, the run's name, or its recipe.
fs::path billed_folder(const std::string& what) {
  if (runs::has_stages(what)) return what;
  if (const auto chain = runs::find_chain(what)) return *chain;
  if (const auto run = runs::find_run(what)) return *run;
  if (!fs::is_regular_file(what)) return runs::locate_run(what);
  const fs::path folder = folder_of_recipe(what);
  if (runs::has_stages(folder) || runs::find_run(folder.string())) return folder;
  throw FileError(what, "missing",
                  fmt::format("its run, {}, has not begun; `gradus plan {}` says what it will cost",
                              folder.string(), what));
}

std::string money_text(const rl::LedgerTotal& total) {
  return total.money ? fmt::format("{:.4f}", *total.money) : "-";
}

std::string joules_text(const rl::LedgerTotal& total) {
  if (!total.energy_wh) return "-";
  return fmt::format("{}{}", short_number(*total.energy_wh * 3600.0),
                     total.is_energy_estimated ? " (est.)" : "");
}

void add_row(TextTable& table, const std::string& name, const rl::LedgerTotal& total,
             double all_device_seconds, double peak) {
  const double use = runs::utilisation(total, peak);
  table.add({printable(name), fmt::format("{:.4f}", total.device_seconds / 3600.0),
             duration_text(total.seconds),
             all_device_seconds > 0.0 ? share_text(total.device_seconds / all_device_seconds) : "-",
             count_text(static_cast<double>(total.tokens)), flops_text(total.flops),
             use > 0.0 ? share_text(use) : "-", joules_text(total), money_text(total)});
}

std::string table_text(const runs::Bill& bill, double peak) {
  const std::vector<std::string> columns{"row",  "device-hours", "time",        "share", "tokens",
                                         "work", "utilisation",  "energy in J", "money"};
  TextTable table(columns);
  const double all = bill.total().device_seconds;
  for (const auto& row : bill.rows()) add_row(table, row.name, row.total, all, peak);
  add_row(table, "Total", bill.total(), all, peak);
  return table.text();
}

std::string stages_text(const runs::Bill& bill) {
  TextTable table({"stage", "kind", "device-hours", "lost", "sampled", "trained", "graded",
                   "peak memory", "money"});
  for (const auto& stage : bill.stages) {
    const rl::LedgerTotal work = stage.work();
    table.add({printable(stage.name), printable(stage.kind),
               fmt::format("{:.4f}", work.device_seconds / 3600.0),
               duration_text(stage.lost().device_seconds),
               count_text(static_cast<double>(work.sampled)),
               count_text(static_cast<double>(work.trained)),
               count_text(static_cast<double>(work.graded)),
               bytes_text(static_cast<double>(work.peak_memory)), money_text(work)});
  }
  return table.text();
}

void show_cost(const CostOptions& options, Session& session) {
  const runs::Bill bill = runs::read_bill(billed_folder(options.what));
  const SteadyClock clock;
  rl::Calibration calibration(calibration_path(options.calibration), clock.wall_s());
  const rl::DeviceRates device = device_rates(calibration, usable_cores(), clock);
  const double peak = std::max(device.f32, device.bf16);
  if (options.as_json) {
    session.out << dump_json(runs::bill_json(bill, peak)) << "\n";
    return;
  }
  if (options.as_csv) {
    session.out << runs::bill_csv(bill, peak);
    return;
  }
  session.out << table_text(bill, peak) << "\n" << stages_text(bill);
  session.out << fmt::format(
      "\nutilisation is of {}/s, the most that this machine's products did, measured {} ago\n",
      flops_text(peak), duration_text(device.age_s));
  if (!bill.total().money)
    session.out << "no money: set ledger.device_price_per_hour in the recipe\n";
  else
    session.out << "money in " << printable(bill.currency) << "\n";
}

void declare_cost(Command app, Session& session) {
  auto options = std::make_shared<CostOptions>();
  app.add_option("what", options->what, "a run's folder or name, a chain's folder, or a recipe")
      .required();
  app.add_option("--calibration", options->calibration,
                 "file of measured rates; default: in the user's cache folder");
  app.add_flag("--json", options->as_json, "one JSON object");
  app.add_flag("--csv", options->as_csv, "the table's rows as CSV");
  app.callback([options, &session] { show_cost(*options, session); });
}

}  // namespace

extern const CommandRecord kCostCommand{
    "", "cost", "what a run or a chain of runs took and cost, by stage", declare_cost};

}  // namespace gradus::cli
