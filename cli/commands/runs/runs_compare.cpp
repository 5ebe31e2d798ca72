#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/quantity.h"
#include "base/settings/setting.h"
#include "base/settings/toml_text.h"
#include "cli/commands/command_record.h"
#include "cli/text_table.h"
#include "runs/evaluation_files.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::cli {
namespace {

constexpr int64_t kMaxRecipeBytes = int64_t{16} << 20;

struct RunsCompareOptions {
  std::vector<std::filesystem::path> dirs;
  bool every_metric = false;
  bool as_json = false;
};

struct Compared {
  runs::RunView view;
  nlohmann::json recipe;
};

std::vector<Compared> read_all(const std::vector<std::filesystem::path>& dirs) {
  std::vector<Compared> runs;
  for (const auto& path : runs::find_runs(dirs)) {
    const std::string text = read_file(path / "recipe.toml", kMaxRecipeBytes);
    runs.push_back(
        {runs::read_run(path), parse_toml(text, (path / "recipe.toml").string()).values});
  }
  if (runs.size() < 2) {
    throw ArgumentError("runs compare: needs two runs at least; `gradus runs list` names them");
  }
  return runs;
}

// "rl.optim[0].lr" -> the value there, or null.
nlohmann::json value_at(nlohmann::json recipe, const std::string& key) {
  std::string part;
  nlohmann::json* here = &recipe;
  auto step_into = [&here](const std::string& name) {
    if (!here->is_object() || !here->contains(name)) return false;
    here = &(*here)[name];
    return true;
  };
  for (size_t begin = 0; begin <= key.size();) {
    const size_t dot = std::min(key.find('.', begin), key.size());
    part = key.substr(begin, dot - begin);
    begin = dot + 1;
    const size_t bracket = part.find('[');
    if (!step_into(part.substr(0, bracket))) return nullptr;
    if (bracket == std::string::npos) continue;
    const size_t index = std::stoul(part.substr(bracket + 1));
    if (!here->is_array() || index >= here->size()) return nullptr;
    here = &(*here)[index];
  }
  return *here;
}

std::set<std::string> different_keys(const std::vector<Compared>& runs) {
  std::set<std::string> keys;
  for (size_t i = 1; i < runs.size(); ++i) {
    for (const auto& difference : compare_json(runs[0].recipe, runs[i].recipe)) {
      keys.insert(difference.key);
    }
  }
  return keys;
}

std::vector<std::string> metric_names(const std::vector<Compared>& runs, bool every_metric) {
  std::set<std::string> names;
  for (const auto& run : runs) {
    for (const auto& record : run.view.metrics) {
      for (const auto& [name, value] : record.values) names.insert(name);
    }
  }
  if (every_metric) return {names.begin(), names.end()};
  std::vector<std::string> chosen;
  for (const char* name :
       {"eval/accuracy", "reward", "loss", "kl", "entropy", "grad_norm", "completions/mean_length",
        "sampling/logp_difference/mean", "perf/tokens_per_s"}) {
    if (names.count(name) != 0) chosen.emplace_back(name);
  }
  return chosen;
}

std::vector<std::string> header(const char* first, const std::vector<Compared>& runs) {
  std::vector<std::string> cells{first};
  for (const auto& run : runs) cells.push_back(printable(runs::name_of_run(run.view.path)));
  return cells;
}

std::string recipe_table(const std::vector<Compared>& runs) {
  const auto keys = different_keys(runs);
  if (keys.empty()) return "the recipes are the same\n";
  TextTable table(header("recipe", runs));
  for (const auto& key : keys) {
    std::vector<std::string> cells{key};
    for (const auto& run : runs) {
      const auto value = value_at(run.recipe, key);
      cells.push_back(value.is_null() ? "-" : toml_value(value));
    }
    table.add(cells);
  }
  return table.text();
}

std::string eval_text(const std::optional<runs::EvalPoint>& eval) {
  if (!eval) return "-";
  std::string text = fmt::format("{:.4f}", eval->accuracy);
  if (eval->low && eval->high) text += fmt::format(" [{:.3f}, {:.3f}]", *eval->low, *eval->high);
  return text + fmt::format(" @{}", eval->step);
}

std::string metrics_table(const std::vector<Compared>& runs, bool every_metric) {
  TextTable table(header("at the end", runs));
  auto add = [&](const std::string& name, auto text_of) {
    std::vector<std::string> cells{name};
    for (const auto& run : runs) cells.push_back(text_of(run.view));
    table.add(cells);
  };
  add("state", [](const runs::RunView& run) { return run.state; });
  add("step", [](const runs::RunView& run) { return fmt::format("{}/{}", run.step, run.steps); });
  add("first evaluation", [](const runs::RunView& run) { return eval_text(run.first_eval()); });
  add("last evaluation", [](const runs::RunView& run) { return eval_text(run.last_eval()); });
  add("best evaluation", [](const runs::RunView& run) { return eval_text(run.best_eval()); });
  for (const auto& name : metric_names(runs, every_metric)) {
    if (name == "eval/accuracy") continue;
    add(name, [&name](const runs::RunView& run) {
      return short_number(run.last(name).value_or(std::nan("")));
    });
  }
  return table.text();
}

/// How the other runs' last evaluations differ from the first run's, where both left samples.
struct Against {
  size_t run = 0;
  int64_t first_step = 0;
  int64_t step = 0;
  runs::PairedDifference paired;
};

std::vector<Against> against_first(const std::vector<Compared>& runs) {
  const auto last_step = [&](size_t run) -> std::optional<int64_t> {
    const auto steps = runs::evaluation_steps(runs[run].view.path);
    return steps.empty() ? std::nullopt : std::optional(steps.back());
  };
  std::vector<Against> all;
  const auto first_step = last_step(0);
  if (!first_step) return all;
  const auto first = runs::read_evaluation(runs[0].view.path, *first_step);
  for (size_t i = 1; i < runs.size(); ++i) {
    const auto step = last_step(i);
    if (!step) continue;
    const auto paired =
        runs::paired_difference(first, runs::read_evaluation(runs[i].view.path, *step));
    if (paired) all.push_back({i, *first_step, *step, *paired});
  }
  return all;
}

std::string paired_table(const std::vector<Compared>& runs) {
  const auto all = against_first(runs);
  if (all.empty()) return "no two evaluations have a problem in common\n";
  TextTable table({"on the same problems", "problems", "accuracy", "difference", "95 % interval",
                   "better", "worse"});
  for (const Against& other : all) {
    const auto& paired = other.paired;
    table.add(
        {fmt::format("{} @{} less {} @{}", printable(runs::name_of_run(runs[other.run].view.path)),
                     other.step, printable(runs::name_of_run(runs[0].view.path)), other.first_step),
         std::to_string(paired.num_problems),
         fmt::format("{:.4f} - {:.4f}", paired.second, paired.first),
         fmt::format("{:+.4f}", paired.difference),
         fmt::format("[{:+.4f}, {:+.4f}]", paired.low, paired.high),
         std::to_string(paired.num_better), std::to_string(paired.num_worse)});
  }
  return table.text();
}

nlohmann::json paired_json(const std::vector<Compared>& runs) {
  nlohmann::json list = nlohmann::json::array();
  for (const Against& other : against_first(runs)) {
    const auto& paired = other.paired;
    list.push_back({{"run", runs[other.run].view.path.string()},
                    {"against", runs[0].view.path.string()},
                    {"step", other.step},
                    {"against_step", other.first_step},
                    {"problems", paired.num_problems},
                    {"accuracy", paired.second},
                    {"against_accuracy", paired.first},
                    {"difference", paired.difference},
                    {"low", paired.low},
                    {"high", paired.high},
                    {"better", paired.num_better},
                    {"worse", paired.num_worse}});
  }
  return list;
}

nlohmann::json as_json(const std::vector<Compared>& runs, bool every_metric) {
  nlohmann::json recipe = nlohmann::json::object();
  nlohmann::json metrics = nlohmann::json::object();
  nlohmann::json paths = nlohmann::json::array();
  for (const auto& run : runs) paths.push_back(run.view.path.string());
  for (const auto& key : different_keys(runs)) {
    for (const auto& run : runs) recipe[key].push_back(value_at(run.recipe, key));
  }
  for (const auto& name : metric_names(runs, every_metric)) {
    for (const auto& run : runs) {
      const auto value = run.view.last(name);
      metrics[name].push_back(value ? nlohmann::json(*value) : nlohmann::json(nullptr));
    }
  }
  return {{"runs", paths}, {"recipe", recipe}, {"metrics", metrics}, {"paired", paired_json(runs)}};
}

void compare_runs(const RunsCompareOptions& options, Session& session) {
  const auto runs = read_all(options.dirs);
  if (options.as_json) {
    session.out << dump_json(as_json(runs, options.every_metric)) << "\n";
    return;
  }
  session.out << recipe_table(runs) << "\n"
              << metrics_table(runs, options.every_metric) << "\n"
              << paired_table(runs);
}

void declare_runs_compare(Command app, Session& session) {
  auto options = std::make_shared<RunsCompareOptions>();
  app.add_option("dirs", options->dirs, "two or more runs, by folder or name, or a folder of runs")
      .required();
  app.add_flag("--all", options->every_metric, "every figure of metrics.jsonl");
  app.add_flag("--json", options->as_json, "one JSON object");
  app.callback([options, &session] { compare_runs(*options, session); });
}

}  // namespace

extern const CommandRecord kRunsCompareCommand{
    "runs", "compare",
    "what differs in the recipes of runs, and how they ended, on the same problems too",
    declare_runs_compare};

}  // namespace gradus::cli
