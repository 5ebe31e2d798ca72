#include "rl/run/run_settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "rl/run/loggers/logger.h"

namespace gradus::rl {
namespace {

/// The default folder is runs/NAME: a name must not lead out of it.
SettingConstraint folder_name() {
  SettingConstraint constraint;
  constraint.text = "a folder's name, without \"/\"";
  constraint.holds = [](const nlohmann::json& value) {
    const auto& name = value.get_ref<const std::string&>();
    const bool is_plain = std::ranges::none_of(
        name, [](unsigned char c) { return c == '/' || c < 0x20 || c == 0x7F; });
    return is_plain && !name.empty() && name != "." && name != "..";
  };
  return std::move(constraint).hint("run.dir says where the run lies");
}

/// A condition as StopRule reads it.
SettingConstraint condition_or_empty() {
  SettingConstraint constraint;
  constraint.text = "a figure of docs/metrics.md, >=, <=, > or <, and a number";
  constraint.holds = [](const nlohmann::json& value) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() || parse_condition(text).has_value();
  };
  return std::move(constraint).hint("e.g. \"eval/accuracy >= 0.95\"");
}

}  // namespace

void describe(RunSettings& c, SettingFields& field) {
  field("name", c.name, folder_name().records_only(), "of the run, for people");
  field("dir", c.dir, any().records_only(), "folder of the run's records; empty: runs/NAME");
  field("seed", c.seed, any(), "same recipe and seed: same result, bit for bit");
  field("steps", c.steps, at_least(0).free_on_condition("more of them, under a constant schedule"),
        "optimizer steps (groups of a batch are one step); 0: run.epochs says");
  field("epochs", c.epochs, at_least(0.0).free_on_condition("more, under a constant schedule"),
        "passes over the data's rows, in place of run.steps; 0: run.steps says");
  field("max_hours", c.max_hours, at_least(0.0).records_only(),
        "hours that one process works on the run: no step is begun that would end later, a "
        "checkpoint is written, and --resume goes on; 0: no bound");
  field("stop_when", c.stop_when, condition_or_empty().records_only(),
        "the run also ends, finished, when a figure has come so far: \"eval/accuracy >= 0.95\"");
  field.section("plateau", c.plateau, "the run also ends when a figure has stopped getting better");
  field("threads", c.threads, at_least(0).speed_only(), "compute threads; 0: all cores");
  field("checkpoint_every", c.checkpoint_every, at_least(0).records_only(),
        "steps between checkpoints; 0: at the end and when stopped alone");
  field("keep", c.keep, at_least(1).records_only(), "newest checkpoints that are kept");
  field("keep_best", c.keep_best, any().records_only(),
        "keep the checkpoint with the best evaluation as well, and export it as best/");
  field("best_metric", c.best_metric, metric_or_empty().records_only(),
        "which figure says what the best evaluation is; empty: eval/accuracy, or eval/loss where "
        "that alone is measured");
  field("best_mode", c.best_mode, metric_mode().records_only(),
        "which values of it are better: max, min, or auto: min for losses, perplexity and KL");
  field("export_checkpoints", c.export_checkpoints, any().records_only(),
        "write each checkpoint's policy as exports/step-N as well, for programs that read models; "
        "they are never removed by the run");
  field("eval_every", c.eval_every, at_least(0).records_only(),
        "steps between evaluations; 0: none");
  field("eval_at_start", c.eval_at_start, any(), "evaluate before the first step, as step 0");
  field("samples_every", c.samples_every, at_least(0).records_only(),
        "steps between sample files (all completions with their grades); 0: none");
  field("sample_tokens", c.sample_tokens, at_least(0).records_only(),
        "groups of a sample file whose tokens are recorded one by one, with logprobs, entropy and "
        "masks; 0: none");
  field("log_every", c.log_every, at_least(1).records_only(),
        "steps between the loggers' points; metrics.jsonl has every step");
  field("disk_full_wait_s", c.disk_full_wait_s, at_least(0.0).records_only(),
        "seconds that a run waits for space where the disk is full and it could not go on; 0: it "
        "fails at once");
  field("loggers", c.loggers, loggers().names_constraint().records_only(),
        loggers().described("beside metrics.jsonl"));
}

}  // namespace gradus::rl
