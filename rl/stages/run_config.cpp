#include "rl/stages/run_config.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "rl/stages/stage.h"
#include "rollout/engine/sampler.h"

namespace gradus::rl {
namespace {

/// Settings `run.*`, of which the stages name the task's values.
struct RunTable {
  RunSettings& run;
};

void describe(RunTable& c, SettingFields& field) {
  field("task", c.run.task, stages().names_constraint(), stages().described("what is done"));
  describe(c.run, field);
}

void check_sampling(const rollout::SamplingConfig& c, const std::string& source) {
  for (const auto& stop : c.stop)
    if (stop.empty())
      throw ConfigError(source +
                        ": rollout.stop: holds an empty string, which would end every completion "
                        "at once. Take it out");
  for (const int id : c.stop_token_ids)
    if (id < 0)
      throw ConfigError(
          fmt::format("{}: rollout.stop_token_ids: holds {}, which is no token", source, id));
}

void check_length(const RunSettings& c, const std::string& source) {
  if (c.steps == 0 && c.epochs <= 0.0)
    throw ConfigError(source + ": run.steps: is 0, must be >= 1 without run.epochs");
  if (c.steps > 0 && c.epochs > 0.0)
    throw ConfigError(fmt::format(
        "{}: run.epochs: is {:.6g}, and run.steps = {} says another length. Give one of them (the "
        "other as 0)",
        source, c.epochs, c.steps));
}

/// Figures of evaluations where there are none would never come.
void check_figures(const RunConfig& c, const std::string& source) {
  const auto condition = parse_condition(c.run.stop_when);
  const std::pair<const char*, std::string> named[] = {
      {"run.stop_when", condition ? condition->metric : ""},
      {"run.plateau.metric", c.run.plateau.metric},
      {"run.best_metric", c.run.best_metric}};
  for (const auto& [setting, metric] : named) {
    if (metric.empty()) continue;
    const bool is_of_evaluation =
        metric.starts_with("eval/") || std::string_view(setting) == "run.best_metric";
    if (is_of_evaluation && c.run.eval_every == 0)
      throw ConfigError(
          fmt::format("{}: {}: {} is known after evaluations, of which there are none. Set "
                      "run.eval_every",
                      source, setting, metric));
  }
}

void check_eval_sets(const RunConfig& c, const std::string& source) {
  std::set<std::string> names;
  for (const EvalSet& set : c.eval.sets) {
    const auto fail = [&](const char* what) {
      throw ConfigError(fmt::format("{}: eval.sets ({}): {}", source, set.name, what));
    };
    if (!names.insert(set.name).second) fail("the name is given twice");
    if (set.data.path.empty() == set.data.task.empty())
      fail("must have either data.path or data.task");
    if (set.data.path.empty() && set.data.count == 0)
      fail("data.count: is 0, must be >= 1 for a generated task, which has no end");
    if (set.rewards.empty() && c.eval.rewards.empty() && c.rewards.empty())
      fail("there is no rule that says which answer is right");
    const double temperature = set.temperature.value_or(c.eval.temperature);
    if (temperature > 0.0 && temperature < rollout::kLeastTemperature)
      fail("temperature: must be 0 (greedy) or not as small");
    if (set.samples.value_or(c.eval.samples) > 1 && temperature <= 0.0)
      fail("temperature: is 0, must be > 0 with more samples than one; try 0.6");
  }
}

void check_eval(const RunConfig& c, const std::string& source) {
  const auto held_out = stages().at(c.run.task).eval_path;
  const bool has_held_out = held_out != nullptr ? !held_out(c).empty() : !c.text.eval_path.empty();
  if (c.run.eval_every > 0 && !c.eval.has_problems() && !has_held_out)
    throw ConfigError(source +
                      ": eval.data.path: is empty although run.eval_every > 0. Name "
                      "held-out data, or set run.eval_every = 0");
  check_eval_sets(c, source);
  if (c.eval.temperature > 0.0 && c.eval.temperature < rollout::kLeastTemperature)
    throw ConfigError(fmt::format("{}: eval.temperature: is {}, must be 0 (greedy) or >= {}",
                                  source, c.eval.temperature, rollout::kLeastTemperature));
  if (c.eval.samples > 1 && c.eval.temperature <= 0.0)
    throw ConfigError(
        fmt::format("{}: eval.temperature: is 0, must be > 0 with eval.samples = {}. "
                    "Greedy samples are all equal; try 0.6",
                    source, c.eval.samples));
  if (c.eval.has_data() && c.eval.data.path.empty() && c.eval.data.count == 0)
    throw ConfigError(source +
                      ": eval.data.count: is 0, must be >= 1 for a generated task, which "
                      "has no end");
  if (c.eval.has_data() && c.eval.rewards.empty() && c.rewards.empty())
    throw ConfigError(source + ": eval.rewards: there is no rule that says which answer is right");
}

}  // namespace

void describe(RunConfig& c, SettingFields& field) {
  field.section_of("run", "the run itself", [&c] {
    RunTable table{c.run};
    return SettingFields::of(table);
  });
  field.section("model", c.model, "the policy");
  field.section("data", c.data, "training prompts");
  field.section("rollout", c.rollout, "how completions are sampled");
  field.section("schedule", c.schedule, "how sampling changes during a run");
  field.tables("rewards", c.rewards, "reward rules; a completion's reward is their weighted sum");
  field.section("rewards_limits", c.rewards_limits, "when grading is too broken to train on");
  field.section("rl", c.rl, "the algorithm");
  field.section("optim", c.optim, "how weights move");
  field.section("eval", c.eval, "held-out problems");
  field.section("text", c.text, "supervised fine-tuning and pre-training");
  field.section("sample", c.sample, "rejection sampling");
  field.section("preference", c.preference, "training on pairs of answers");
  field.section("reward_model", c.reward_model, "training of a reward model on pairs of answers");
  field.section("distill", c.distill, "training towards a teacher");
  field.section("cluster", c.cluster, "several processes that train one policy");
  field.section("ledger", c.ledger, "what a device costs");
}

void check(const RunConfig& config, const std::string& source) {
  check_settings(config, source);
  check(config.model, source);
  check_sampling(config.rollout.sampling, source);
  check_length(config.run, source);
  check_figures(config, source);
  check_eval(config, source);
  check(config.rl);
  check(config.optim);
  stages().at(config.run.task).check(config, source);
}

}  // namespace gradus::rl
