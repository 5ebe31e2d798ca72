#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <ostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/process/usable_cores.h"
#include "cli/calibration_file.h"
#include "cli/commands/command_record.h"
#include "cli/machine.h"
#include "cli/model_options.h"
#include "cli/plan_text.h"
#include "rl/chain/chain_plan.h"
#include "rl/plan/plan_json.h"
#include "rl/recipe/load.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

struct PlanOptions {
  std::string recipe;
  std::string published;
  std::string cluster;
  std::vector<std::string> settings;
  std::vector<std::string> assumptions;
  std::string calibration;
  bool calibrates = false;
  bool as_json = false;
};

/// A stage with its rates on this machine.
struct PlannedStage {
  rl::StagePlanInput input;
  std::optional<rl::StageRates> rates;
  fs::path folder;  ///< of its run
};

std::vector<rl::StagePlan> plan_all(const std::vector<PlannedStage>& stages,
                                    const rl::PlanBasis& basis) {
  std::vector<rl::StagePlan> plans;
  for (const PlannedStage& stage : stages)
    plans.push_back(rl::plan_stage(stage.input, basis, stage.rates));
  return plans;
}

/// The stages of a recipe, one or a chain of them.
std::vector<rl::StageToPlan> read_stages(const PlanOptions& options) {
  if (!rl::is_chain(options.recipe))
    return {rl::stage_to_plan(rl::load_run_config(options.recipe, options.settings))};
  return rl::stages_to_plan(rl::load_chain(fs::path(options.recipe), options.settings, ""));
}

/// Measures the stages that can be tried here, and keeps what is found.
void calibrate(const std::vector<rl::StageToPlan>& stages, rl::Calibration& calibration,
               const Clock& clock, Session& session) {
  for (const rl::StageToPlan& stage : stages) {
    if (!stage.can_be_tried) {
      session.err << "note: stage " << printable(stage.input.name)
                  << " reads what is not there yet; it is planned without a trial\n";
      continue;
    }
    use_threads(stage.config.model, stage.config.run.threads);
    const fs::path scratch = fs::temp_directory_path() / fmt::format("gradus-trial-{}", ::getpid());
    calibration.keep(stage.config, rl::measure_stage(stage.config, scratch, clock, session.stop));
  }
}

std::vector<PlannedStage> stages_of(const PlanOptions& options, rl::PlanBasis& basis,
                                    const Clock& clock, Session& session) {
  const auto stages = read_stages(options);
  const rl::RunConfig& first = stages.front().config;
  if (options.cluster.empty()) basis.cluster.devices = first.ledger.devices;
  const bool is_here = basis.cluster.is_this();
  rl::Calibration calibration(calibration_path(options.calibration), clock.wall_s());
  const int threads = first.run.threads > 0 ? first.run.threads : usable_cores();
  if (is_here && options.calibrates) {
    calibration.keep(threads, rl::measure_device(threads, clock));
    calibrate(stages, calibration, clock, session);
  }
  if (is_here) basis.machine = device_rates(calibration, threads, clock);
  std::vector<PlannedStage> planned;
  for (const rl::StageToPlan& stage : stages) {
    planned.push_back({stage.input, {}, stage.folder});
    if (is_here) planned.back().rates = calibration.stage(stage.config);
  }
  return planned;
}

void plan_recipe(const PlanOptions& options, rl::PlanBasis basis, Session& session) {
  const SteadyClock clock;
  const auto stages = stages_of(options, basis, clock, session);
  const auto plans = plan_all(stages, basis);
  if (options.as_json) {
    session.out << dump_json(rl::plan_json(plans, basis)) << "\n";
  } else {
    session.out << plan_text(plans, basis);
  }
  if (!basis.cluster.is_this()) return;
  for (size_t i = 0; i < plans.size(); ++i)
    for (const auto& text : rl::shortages(plans[i], stages[i].folder))
      session.err << "warning: " << printable(text) << "\n";
}

void plan_published(const PlanOptions& options, rl::PlanBasis basis, Session& session) {
  const rl::PublishedRun& run = rl::published_runs().at(options.published);
  if (options.cluster.empty()) basis.cluster = rl::parse_cluster(run.cluster);
  std::vector<PlannedStage> stages;
  for (auto& input : run.stages()) stages.push_back({std::move(input), {}, {}});
  const auto plans = plan_all(stages, basis);
  const auto rows = run.bill();
  if (options.as_json) {
    auto json = rl::plan_json(plans, basis);
    json["published"] = rl::published_json(rows, plans);
    json["notes"] = run.assumptions;
    session.out << dump_json(json) << "\n";
    return;
  }
  session.out << run.text << "\n\n"
              << published_text(rows, plans) << "\n"
              << plan_text(plans, basis) << "\n"
              << run.assumptions << "\n";
}

void plan(const PlanOptions& options, Session& session) {
  if (options.recipe.empty() == options.published.empty())
    throw ArgumentError("plan: give either a RECIPE or --published NAME");
  rl::PlanBasis basis;
  if (!options.cluster.empty()) basis.cluster = rl::parse_cluster(options.cluster);
  for (const auto& assumption : options.assumptions) apply_set(basis.assumptions, assumption);
  check_settings(basis.assumptions, "--assume");
  if (options.published.empty())
    plan_recipe(options, std::move(basis), session);
  else
    plan_published(options, std::move(basis), session);
}

void declare_plan(Command app, Session& session) {
  auto options = std::make_shared<PlanOptions>();
  app.add_option("recipe", options->recipe, "TOML file");
  app.add_option("--published", options->published,
                 "a published run beside its bill: deepseek-v3, deepseek-r1");
  app.add_option("--cluster", options->cluster,
                 "devices=2048,kind=h800,pp=16,ep=64,zero=1,price=2; default: this machine");
  app.add_flag("--calibrate", options->calibrates,
               "measure this machine and the stage's first steps, and keep the rates");
  app.add_option("--assume", options->assumptions,
                 "change an assumption, e.g. mfu=0.39; repeatable")
      .one_each();
  app.add_option("--set", options->settings, "change a setting of the recipe; repeatable")
      .one_each();
  app.add_option("--calibration", options->calibration,
                 "file of measured rates; default: in the user's cache folder");
  app.add_flag("--json", options->as_json, "one JSON object");
  app.callback([options, &session] { plan(*options, session); });
}

}  // namespace

extern const CommandRecord kPlanCommand{
    "", "plan", "what a recipe will take: time, memory, disk, tokens, money", declare_plan};

}  // namespace gradus::cli
