#include "rl/recipe/train.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>

#include "base/clock.h"
#include "base/error.h"
#include "base/failure_text.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/process/free_memory.h"
#include "base/process/own_process.h"
#include "base/process/usable_cores.h"
#include "base/quantity.h"
#include "base/settings/setting.h"
#include "cli/calibration_file.h"
#include "cli/cluster/ranks.h"
#include "cli/commands/command_record.h"
#include "cli/machine.h"
#include "cli/model_options.h"
#include "cli/plan_text.h"
#include "cli/train_display.h"
#include "policy/checkpoint_tokenizer.h"
#include "rewards/reward_set.h"
#include "rl/chain/chain.h"
#include "rl/collect/reward_model_rule.h"
#include "rl/recipe/cost_model.h"
#include "rl/recipe/load.h"
#include "rl/recipe/plan_input.h"
#include "rl/run/run_directory.h"
#include "rl/stages/sampled_evaluation.h"
#include "rl/stages/stage.h"
#include "rollout/prompts/prompt_source.h"
#include "runs/report/report.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

struct TrainOptions {
  std::string recipe;
  std::string resume;
  std::vector<std::string> settings;
  std::string run_dir;
  bool may_change_result = false;
  bool may_begin_anew = false;
  bool is_dry = false;
  bool as_json = false;
};

void check_options(const TrainOptions& options) {
  if (options.recipe.empty() == options.resume.empty()) {
    throw ArgumentError("train: give either a RECIPE or --resume RUN");
  }
  if (!options.resume.empty() && !options.run_dir.empty()) {
    throw ArgumentError("train: --run-dir is for new runs; a resumed run stays where it is");
  }
  if (options.resume.empty() && options.may_change_result) {
    throw ArgumentError("train: --allow-changes is for --resume");
  }
  if (options.resume.empty() && options.may_begin_anew) {
    throw ArgumentError("train: --begin-anew is for --resume");
  }
}

rl::RunConfig recipe_of(const TrainOptions& options) {
  const fs::path path = options.resume.empty() ? fs::path(options.recipe)
                                               : runs::locate_run(options.resume) / "recipe.toml";
  if (rl::is_chain(path))
    throw ArgumentError(path.string() + " is a chain of [[stages]]; run it with: gradus run " +
                        path.string());
  rl::RunConfig config = rl::load_run_config(path, options.settings);
  if (!options.run_dir.empty()) {
    config.run.dir = fs::absolute(options.run_dir).lexically_normal().string();
  }
  return config;
}

/// The recipe's plan on this machine; nothing where neither it nor the machine was measured.
std::optional<rl::StagePlan> plan_of(const rl::RunConfig& config, const Clock& clock) {
  rl::Calibration calibration(calibration_path(""), clock.wall_s());
  const int threads = config.run.threads > 0 ? config.run.threads : usable_cores();
  device_rates(calibration, threads, clock);
  return rl::plan_here(config, rl::model_of(config), calibration, threads);
}

std::string time_text(const std::optional<rl::StagePlan>& plan) {
  if (!plan) return "";
  std::string text = "\n# time, estimated\n#   " + estimate_line(*plan) + "\n";
  for (const auto& assumption : plan->assumptions) text += "#   " + printable(assumption) + "\n";
  return text;
}

std::string estimate_text(const rl::MemoryEstimate& memory) {
  std::string text = "\n# memory, estimated\n";
  for (const auto& [part, bytes] : memory.parts) {
    text += fmt::format("#   {:<32} {:>10}\n", part, bytes_text(static_cast<double>(bytes)));
  }
  const int64_t free = free_memory_bytes();
  text += fmt::format("#   {:<32} {:>10} of {} free\n", "together",
                      bytes_text(static_cast<double>(memory.total())),
                      bytes_text(static_cast<double>(free)));
  if (memory.total() > free) {
    text +=
        "#   does not fit: lower rl.microbatch_tokens or rollout.kv_cache_mb, set\n"
        "#   model.activation_checkpointing = true, or train adapters (model.lora.rank = 16)\n";
  }
  return text;
}

/// The rows' first prompt, read and rendered as training does; nothing where the stage has no
/// prompts or the recipe no model to take a tokenizer from.
/// @throws FileError, ConfigError  the rows, the template or the tokenizer can't be used.
struct PromptSample {
  rollout::Prompt prompt;
  int64_t num_rows = 0;
  size_t num_skipped = 0;
};
std::optional<PromptSample> first_prompt(const rl::RunConfig& config) {
  const std::string& path = config.model.path.empty() ? config.model.tokenizer : config.model.path;
  const bool has_data = !config.data.path.empty() || !config.data.task.empty();
  if (!has_data || path.empty() || !rl::stages().at(config.run.task).samples) return std::nullopt;
  const auto tokenizer = policy::load_checkpoint_tokenizer(path);
  const auto context = static_cast<int>(rl::model_of(config).max_position_embeddings);
  for (const auto& [name, plan] : rl::eval_plans(config))
    rollout::make_prompt_source(plan.eval.data, tokenizer, context, config.run.seed);
  const auto prompts =
      rollout::make_prompt_source(config.data, tokenizer, context, config.run.seed);
  return PromptSample{prompts->at(0), prompts->size(), prompts->skipped().size()};
}

nlohmann::json plan_event(const rl::StagePlan& plan) {
  return {{"event", "plan"},
          {"seconds_per_step", plan.step_s},
          {"wall_seconds", plan.wall_s},
          {"memory_bytes", plan.memory_per_device()},
          {"disk_bytes", plan.disk_bytes},
          {"assumptions", plan.assumptions}};
}

std::string prompt_text(const PromptSample& sample) {
  std::string text = fmt::format(
      "\n# rows: {}{}; the first prompt ({}, {} tokens):\n",
      sample.num_rows > 0 ? std::to_string(sample.num_rows) : "no end",
      sample.num_skipped > 0 ? fmt::format(", {} left out", sample.num_skipped) : std::string(),
      sample.prompt.id, sample.prompt.tokens.size());
  std::istringstream lines(sample.prompt.text);
  for (std::string line; std::getline(lines, line);) text += "#   " + printable(line) + "\n";
  return text;
}

void dry_run(const rl::RunConfig& config, bool as_json, Session& session) {
  const auto memory = rl::estimate_memory(rl::model_of(config), config);
  const auto plan = plan_of(config, machine_clock());
  // TrainOptions of the rules are the rules' own: making them is the check.
  if (!config.rewards.empty() && rl::stages().at(config.run.task).samples)
    rl::make_reward_set(config.rewards);
  const auto sample = first_prompt(config);
  if (!as_json) {
    session.out << to_toml(config) << (sample ? prompt_text(*sample) : "") << estimate_text(memory)
                << time_text(plan);
    if (plan)
      for (const auto& text : rl::shortages(*plan, config.run.dir))
        session.out << "# warning: " << printable(text) << "\n";
    return;
  }
  nlohmann::json parts = nlohmann::json::object();
  for (const auto& [part, bytes] : memory.parts) parts[part] = bytes;
  session.out << dump_json({{"recipe", settings_json(config)},
                            {"memory_bytes", memory.total()},
                            {"memory_by_part", parts},
                            {"free_memory_bytes", free_memory_bytes()},
                            {"plan", plan ? plan_event(*plan) : nullptr},
                            {"rows", sample ? nlohmann::json(sample->num_rows) : nullptr},
                            {"prompt", sample ? nlohmann::json(sample->prompt.text) : nullptr},
                            {"prompt_tokens",
                             sample ? nlohmann::json(sample->prompt.tokens.size()) : nullptr}})
              << "\n";
}

std::string accuracy_text(const runs::EvalPoint& eval) {
  std::string text = fmt::format("{:.4f}", eval.accuracy);
  if (eval.low && eval.high) text += fmt::format(" [{:.4f}, {:.4f}]", *eval.low, *eval.high);
  return text;
}

void say_how_it_ended(const rl::RunOutcome& outcome, const fs::path& report, bool as_json,
                      Session& session) {
  const runs::RunView run = runs::read_run(outcome.directory);
  const bool is_finished = outcome.phase == rl::RunPhase::finished;
  if (as_json) {
    nlohmann::json json{{"event", is_finished ? "finished" : "stopped"},
                        {"step", outcome.step},
                        {"reason", outcome.reason},
                        {"run_dir", outcome.directory.string()},
                        {"report", report.string()}};
    if (!run.evals.empty()) {
      if (run.evals.front().step == 0) json["accuracy_before"] = run.evals.front().accuracy;
      json["accuracy_after"] = run.evals.back().accuracy;
    }
    session.out << dump_json(json) << std::endl;
    return;
  }
  if (run.evals.size() > 1) {
    const runs::EvalPoint& first = run.evals.front();
    // Without an evaluation of step 0 nobody knows what it was before.
    session.out << fmt::format(
        "accuracy {} {}, {} {}\n",
        first.step == 0 ? "before" : fmt::format("at step {}", first.step), accuracy_text(first),
        run.evals.back().step == outcome.step ? "after"
                                              : fmt::format("at step {}", run.evals.back().step),
        accuracy_text(run.evals.back()));
  }
  session.out << fmt::format("{} after step {}: {}\n", is_finished ? "finished" : "stopped",
                             outcome.step, outcome.directory.string());
  if (!outcome.reason.empty()) session.out << "because " << outcome.reason << "\n";
  if (!report.empty()) session.out << "report: " << report.string() << "\n";
  if (is_finished) {
    session.out << "policy: " << (outcome.directory / "final").string() << "\n";
  } else {
    session.out << "go on with: gradus train --resume " << outcome.directory.string() << "\n";
  }
  session.out.flush();
}

// A run that is finished is no failure for want of its report.
fs::path report_of(const fs::path& run, Session& session) {
  try {
    return runs::write_report(run);
  } catch (const std::exception& error) {
    session.err << "warning: no report is written: " << failure_text(error) << "\n";
    return {};
  }
}

/// A word before the first step; what cannot be planned, the run itself will say.
void say_plan(const rl::RunConfig& config, bool as_json, const Clock& clock, Session& session) {
  try {
    const auto plan = plan_of(config, clock);
    if (!plan) return;
    if (as_json)
      session.out << dump_json(plan_event(*plan)) << std::endl;
    else
      session.out << "plan: " << estimate_line(*plan) << std::endl;
  } catch (const std::exception&) {
  }
}

/// Whether the launcher has started this process anew, and the run has got somewhere before.
bool goes_on(const rl::RunConfig& config, const RankSession& place) {
  return place.restart() > 0 && rl::has_steps(config.run.dir);
}

rl::RunOutcome run_recipe(const TrainOptions& options, const rl::RunConfig& config,
                          const RankSession& place, const rl::RunEnvironment& environment) {
  if (!place.is_first()) {
    rl::RunConfig own = config;
    own.run.dir = (place.scratch() / "run").string();
    return rl::train(own, environment);
  }
  const rl::ResumeOptions changes{options.settings, options.may_change_result};
  if (!options.resume.empty())
    return rl::resume(runs::locate_run(options.resume), changes, environment);
  if (goes_on(config, place)) return rl::resume(config.run.dir, changes, environment);
  return rl::train(config, environment);
}

void train_here(const TrainOptions& options, const rl::RunConfig& config, const RankSession& place,
                std::shared_ptr<rl::Communicator> ranks, Session& session) {
  const SteadyClock clock;
  const double begun = clock.now_s() - process_age_s();
  if (place.is_first()) say_plan(config, options.as_json, clock, session);
  use_threads(config.model, config.run.threads > 0 ? config.run.threads : place.threads());
  rl::RunOutcome outcome;
  fs::path report;
  {
    const auto display = place.is_first()
                             ? make_display(options.as_json, config.run.steps, clock, session)
                             : std::make_unique<rl::RunObserver>();
    rl::RunEnvironment environment{*display, session.stop, clock, session.wants_checkpoint,
                                   options.may_begin_anew};
    environment.begun_s = begun;
    if (place.is_first())
      environment.at_end = [&](const fs::path& run) { report = report_of(run, session); };
    environment.calibration = calibration_path("");
    environment.ranks = std::move(ranks);
    environment.threads = place.threads();
    outcome = run_recipe(options, config, place, environment);
  }
  if (place.is_first()) say_how_it_ended(outcome, report, options.as_json, session);
  if (outcome.phase == rl::RunPhase::finished) return;
  session.exit_code = outcome.reason.empty() ? kInterrupted : kOutOfTime;
}

void train(const TrainOptions& options, Session& session) {
  check_options(options);
  const rl::RunConfig config = recipe_of(options);
  if (options.is_dry) return dry_run(config, options.as_json, session);
  RankSession place(rl::find_rank_place(), session);
  place.run(config.cluster, [&](std::shared_ptr<rl::Communicator> ranks) {
    train_here(options, config, place, std::move(ranks), session);
  });
}

void declare_train(Command app, Session& session) {
  auto options = std::make_shared<TrainOptions>();
  app.add_option("recipe", options->recipe, "TOML file; `gradus help recipe` lists its keys");
  app.add_option("--resume", options->resume,
                 "go on with this run, a folder or a name, from its newest checkpoint");
  app.add_option("--set", options->settings, "change a setting, e.g. rl.kl_coef=0.01; repeatable")
      .one_each();
  app.add_option("--run-dir", options->run_dir, "folder of the run's records (run.dir)");
  app.add_flag("--allow-changes", options->may_change_result,
               "resume although settings or files that change the result have changed");
  app.add_flag("--begin-anew", options->may_begin_anew,
               "resume from the first step where no checkpoint is whole; the logs so far are lost");
  app.add_flag("--dry-run", options->is_dry,
               "print the resolved recipe, the first prompt and the memory it needs");
  app.add_flag("--json", options->as_json, "progress as JSON lines");
  app.callback([options, &session] { train(*options, session); });
}

}  // namespace

extern const CommandRecord kTrainCommand{
    "", "train", "train a policy as a recipe says, or go on with a run", declare_train};

}  // namespace gradus::cli
