#include "service/web/run_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <span>

#include "base/clock.h"
#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/contained_file.h"
#include "rl/run/ledger.h"
#include "rl/stages/run_config.h"
#include "runs/advice.h"
#include "runs/cost/bill.h"
#include "runs/cost/bill_format.h"
#include "runs/evaluation_files.h"
#include "runs/run_view.h"
#include "runs/sample_groups.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kMaxPageRecipe = int64_t{4} << 20;
constexpr size_t kMostPoints = 2000;
constexpr size_t kMostTimeline = 400;
constexpr size_t kWaitSteps = 20;
constexpr size_t kMostWarningsShown = 100;

json number_or_nothing(const std::optional<double>& value) {
  return value ? json(*value) : json();
}

/// Seconds since the run's figures were last written; -1: never.
double silence_of(const fs::path& run) {
  std::error_code missing;
  const auto time = fs::last_write_time(run / "metrics.jsonl", missing);
  if (missing) return -1.0;
  const auto age = fs::file_time_type::clock::now() - time;
  return std::max(0.0, std::chrono::duration<double>(age).count());
}

std::vector<double> step_seconds(const runs::RunView& run) {
  std::vector<double> seconds;
  for (const auto& record : run.metrics) {
    const auto found = record.values.find("time/step");
    if (found != record.values.end() && std::isfinite(found->second))
      seconds.push_back(found->second);
  }
  if (seconds.size() > 20) seconds.erase(seconds.begin(), seconds.end() - 20);
  return seconds;
}

/// The bill as it was not long ago: adding it up takes at most a twentieth of the time.
const json& bill_of(RunViews::Kept& kept) {
  const double begin = steady_now_s();
  if (kept.cost.is_object() && begin - kept.cost_at_s < 20.0 * kept.cost_took_s) return kept.cost;
  const runs::Bill bill = runs::read_bill(kept.view.path);
  kept.cost = runs::bill_json(bill, 0.0);
  kept.cost["currency"] = bill.currency;
  kept.cost_at_s = steady_now_s();
  kept.cost_took_s = kept.cost_at_s - begin;
  return kept.cost;
}

/// Cost so far, and what it will have been at the end if steps go on as the last twenty did.
json cost_json(RunViews::Kept& kept) {
  const runs::RunView& run = kept.view;
  json cost = bill_of(kept);
  const auto seconds = step_seconds(run);
  cost["expected"] = nullptr;
  if (seconds.empty() || run.steps <= 0) return cost;
  double sum = 0.0;
  for (const double one : seconds) sum += one;
  const double left_s =
      sum / double(seconds.size()) * double(std::max<int64_t>(0, run.steps - run.step));
  const json& total = cost["total"];
  const double so_far_s = std::max(1e-9, total.value("wall_seconds", 0.0));
  const double growth = 1.0 + left_s / so_far_s;
  json expected{{"left_seconds", left_s},
                {"device_seconds", total.value("device_seconds", 0.0) * growth},
                {"wall_seconds", so_far_s + left_s},
                {"money", nullptr}};
  if (total.contains("money") && total["money"].is_number())
    expected["money"] = total["money"].get<double>() * growth;
  cost["expected"] = expected;
  return cost;
}

json advice_json(const runs::RunView& run) {
  auto list = json::array();
  for (const auto& advice : runs::advice_for(run, silence_of(run.path)))
    list.push_back({{"level", advice.level}, {"text", advice.text}, {"setting", advice.setting}});
  return list;
}

json evaluations_json(const runs::RunView& run) {
  auto list = json::array();
  for (const auto& eval : run.evals) {
    list.push_back({{"step", eval.step},
                    {"accuracy", eval.accuracy},
                    {"low", number_or_nothing(eval.low)},
                    {"high", number_or_nothing(eval.high)}});
  }
  return list;
}

json warnings_json(const runs::RunView& run) {
  auto list = json::array();
  const size_t skipped = run.warnings.size() - std::min(run.warnings.size(), kMostWarningsShown);
  for (size_t i = skipped; i < run.warnings.size(); ++i) {
    const auto& warning = run.warnings[i];
    list.push_back({{"step", warning.step}, {"time", warning.time}, {"message", warning.message}});
  }
  return list;
}

/// What of the recipe the page needs to explain what it shows.
json recipe_facts(const fs::path& run, bool shows_recipe) {
  const fs::path path = run / "recipe.toml";
  check_stays_inside(path);
  const std::string text = read_file(path, kMaxPageRecipe);
  json facts{{"task", ""}, {"rules", json::array()}, {"masks_truncated", false}};
  try {
    rl::RunConfig config;
    read_settings(config, text, "recipe.toml");
    facts["task"] = config.run.task;
    facts["masks_truncated"] = config.rl.mask_truncated;
    facts["group_size"] = config.rl.group_size;
    facts["temperature"] = config.rollout.sampling.temperature;
    facts["max_tokens"] = config.rollout.sampling.max_tokens;
    for (const auto& rule : config.rewards) {
      facts["rules"].push_back(
          {{"name", rule.display_name()}, {"type", rule.type}, {"weight", rule.weight}});
    }
  } catch (const Error&) {
    // An older program's recipe: the run is shown without these.
  }
  if (shows_recipe) facts["text"] = text;
  return facts;
}

json models_of_job(const Job& job, const JobStore& jobs) {
  auto models = json::array();
  models.push_back({{"step", 0}, {"model", job.model}});
  auto checkpoints = jobs.checkpoints(job.id, "", 100).items;
  std::ranges::reverse(checkpoints);
  for (const auto& checkpoint : checkpoints)
    models.push_back({{"step", checkpoint.step}, {"model", checkpoint.model}});
  if (!job.fine_tuned_model.empty())
    models.push_back({{"step", job.steps}, {"model", job.fine_tuned_model}});
  return models;
}

json identity_json(const ShelvedRun& run) {
  json identity{{"id", run.id},       {"name", run.name}, {"kind", run.job ? "job" : "run"},
                {"model", ""},        {"method", ""},     {"created", nullptr},
                {"reason", ""},       {"updated", ""},    {"step", 0},
                {"steps", 0},         {"state", ""},      {"reward", nullptr},
                {"accuracy", nullptr}};
  if (!run.job) return identity;
  const Job& job = *run.job;
  identity["model"] = job.model;
  identity["method"] = job.method.value("type", "");
  identity["created"] = job.created;
  identity["state"] = job.status;
  identity["step"] = job.step;
  identity["steps"] = job.steps;
  if (job.error.is_object()) identity["reason"] = job.error.value("message", "");
  return identity;
}

void add_summary(const RunSummary& summary, bool is_job, json& identity) {
  identity["updated"] = summary.updated;
  identity["step"] = summary.step;
  identity["steps"] = summary.steps;
  identity["reward"] = number_or_nothing(summary.reward);
  identity["accuracy"] = number_or_nothing(summary.accuracy);
  if (is_job) return;
  identity["state"] = summary.state;
  identity["reason"] = summary.reason;
}

}  // namespace

json run_summary(const ShelvedRun& run, RunViews& views) {
  json identity = identity_json(run);
  try {
    if (!run.job || runs::is_run(run.path))
      add_summary(views.summary(run.path), run.job.has_value(), identity);
  } catch (const fs::filesystem_error&) {
    // The folder is being made or removed.
  }
  return identity;
}

json run_detail(const ShelvedRun& run, RunViews& views, const JobStore& jobs, bool shows_recipe) {
  json detail = identity_json(run);
  detail["models"] = run.job ? models_of_job(*run.job, jobs) : json::array();
  detail["has_run"] = runs::is_run(run.path);
  if (run.job) {
    detail["hyperparameters"] = run.job->hyperparameters;
    detail["method_spec"] = run.job->method;
    detail["estimated_finish"] = run.job->estimated_finish;
    detail["files"] = {{"training", run.job->training_file},
                       {"validation", run.job->validation_file},
                       {"results", run.job->result_files}};
  }
  if (!detail["has_run"]) return detail;
  views.with(run.path, [&](RunViews::Kept& kept) {
    const runs::RunView& view = kept.view;
    add_summary(summary_of(view), run.job.has_value(), detail);
    detail["evaluations"] = evaluations_json(view);
    detail["warnings"] = warnings_json(view);
    detail["advice"] = advice_json(view);
    detail["cost"] = cost_json(kept);
  });
  detail["sample_steps"] = runs::sampled_steps(run.path);
  detail["evaluation_steps"] = runs::evaluation_steps(run.path);
  detail["recipe"] = recipe_facts(run.path, shows_recipe);
  return detail;
}

namespace {

/// Six digits are enough for curves, and half of the bytes.
json short_value(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr);
}

/// A figure's mean over records; null: it is in none of them.
json mean_of(std::span<const rl::MetricsRecord> records, const std::string& name) {
  double sum = 0.0;
  double count = 0.0;
  for (const auto& record : records) {
    const auto found = record.values.find(name);
    if (found == record.values.end() || !std::isfinite(found->second)) continue;
    sum += found->second;
    ++count;
  }
  return count > 0.0 ? short_value(sum / count) : json();
}

}  // namespace

json run_metrics(const ShelvedRun& run, RunViews& views, int64_t after) {
  return views.with(run.path, [&](const RunViews::Kept& kept) {
    const auto& all = kept.view.metrics;
    const auto first = std::ranges::find_if(
        all, [&](const rl::MetricsRecord& record) { return record.step > after; });
    const std::span<const rl::MetricsRecord> records(first, all.end());
    const size_t width = std::max<size_t>(1, (records.size() + kMostPoints - 1) / kMostPoints);
    std::set<std::string> names;
    for (const auto& record : records)
      for (const auto& [name, value] : record.values) names.insert(name);
    json steps = json::array();
    json series = json::object();
    for (size_t begin = 0; begin < records.size(); begin += width) {
      const auto part = records.subspan(begin, std::min(width, records.size() - begin));
      steps.push_back(part.back().step);
      for (const auto& name : names) series[name].push_back(mean_of(part, name));
    }
    return json{{"steps", std::move(steps)}, {"series", std::move(series)}};
  });
}

namespace {

/// Whom the newest steps waited for, in seconds a step: the slowest completion of sampling, and
/// each rule (summed over threads).
json waits_json(const std::vector<rl::MetricsRecord>& metrics) {
  std::map<std::string, double> sums;
  const size_t begin = metrics.size() - std::min(metrics.size(), kWaitSteps);
  double count = 0.0;
  for (size_t i = begin; i < metrics.size(); ++i) {
    if (!metrics[i].values.contains("time/step")) continue;
    ++count;
    for (const auto& [name, value] : metrics[i].values)
      if (name.starts_with("time/") && std::isfinite(value)) sums[name.substr(5)] += value;
  }
  for (auto& [name, seconds] : sums) seconds /= std::max(1.0, count);
  return {{"steps", count}, {"seconds", sums}};
}

}  // namespace

json run_timeline(const ShelvedRun& run, RunViews& views) {
  std::map<int64_t, std::map<std::string, double>> steps;
  if (fs::exists(run.path / "ledger.jsonl"))
    for (const auto& line : rl::read_ledger_lines(run.path / "ledger.jsonl"))
      steps[line.step][line.stage] += line.total.seconds;
  while (steps.size() > kMostTimeline) steps.erase(steps.begin());
  auto list = json::array();
  for (const auto& [step, parts] : steps) list.push_back({{"step", step}, {"parts", parts}});
  return {{"steps", std::move(list)},
          {"waits", views.with(run.path, [](const RunViews::Kept& kept) {
             return waits_json(kept.view.metrics);
           })}};
}

void hide_paths(json& value, const fs::path& data_dir) {
  if (value.is_string()) {
    auto text = value.get<std::string>();
    const std::string hidden = fs::absolute(data_dir).lexically_normal().string();
    for (size_t at; (at = text.find(hidden)) != std::string::npos;)
      text.replace(at, hidden.size(), "DATA");
    value = text;
  } else if (value.is_structured()) {
    for (auto& inner : value) hide_paths(inner, data_dir);
  }
}

}  // namespace gradus::service
