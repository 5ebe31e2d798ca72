#include "runs/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/files/atomic_file.h"
#include "base/files/contained_file.h"
#include "base/quantity.h"
#include "base/version.h"
#include "rl/evaluation/set_names.h"
#include "runs/cost/bill.h"
#include "runs/cost/bill_format.h"
#include "runs/report/chart.h"
#include "runs/report/evaluation_section.h"
#include "runs/report/html_text.h"
#include "runs/report/page_style.h"
#include "runs/report/sample_list.h"
#include "runs/run_view.h"

namespace gradus::runs {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSamples = 400;
constexpr size_t kMaxAnswers = 300;
constexpr size_t kMaxWarnings = 200;
constexpr int64_t kMaxRecipeBytes = int64_t{16} << 20;

/// A curve of the report: the figure's names in metrics.jsonl, the first one found counts.
struct Figure {
  const char* title;
  const char* explanation;
  std::vector<std::pair<const char*, const char*>> curves;  // legend, metric
  bool starts_at_zero = false;
  bool is_smoothed = true;  // it jumps from step to step
};

const std::vector<Figure>& figures() {
  static const std::vector<Figure> list{
      {"Reward", "mean over a step's completions", {{"reward", "reward"}}},
      {"Loss",
       "of the update, or of next-token prediction",
       {{"loss", "loss"}, {"held out", "eval/loss"}}},
      {"Completion length",
       "tokens",
       {{"mean", "completions/mean_length"}, {"longest", "completions/max_length"}},
       true},
      {"Entropy", "nats per token; a fall to 0 ends exploration", {{"entropy", "entropy"}}, true},
      {"KL to the reference", "nats per token", {{"kl", "kl"}}},
      {"Gradient norm", "before clipping", {{"norm", "grad_norm"}}, true},
      {"Sampler against trainer",
       "difference of a token's logprob; 0 where both are exact",
       {{"mean", "sampling/logp_difference/mean"}, {"largest", "sampling/logp_difference/max"}},
       true},
      {"Groups without signal",
       "share of groups whose rewards are all equal",
       {{"share", "frac_reward_zero_std"}},
       true},
      {"Clipped tokens",
       "share of tokens outside the clip range",
       {{"low", "clip_ratio/low_mean"}, {"high", "clip_ratio/high_mean"}},
       true},
      {"Cut off",
       "share of completions that hit max_tokens",
       {{"share", "completions/clipped_ratio"}},
       true},
      {"Learning rate", "", {{"lr", "learning_rate"}}, true, false},
      {"Speed", "tokens per second", {{"sampled", "perf/tokens_per_s"}}, true},
  };
  return list;
}

std::string fact(const std::string& name, const std::string& value, const std::string& detail) {
  return fmt::format("<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", html_text(name),
                     html_text(value), html_text(detail));
}

std::string interval_text(const EvalPoint& eval) {
  const std::string at = fmt::format("step {}", eval.step);
  if (!eval.low || !eval.high) return at;
  return fmt::format("{}; 95 %: {} to {}", at, share_text(*eval.low), share_text(*eval.high));
}

std::string facts_html(const RunView& run, const std::map<std::string, rl::LedgerTotal>& ledger) {
  std::string html = "<dl class=\"facts\">\n";
  if (const auto first = run.first_eval()) {
    html += fact(first->step == 0 ? "Accuracy before" : "First accuracy",
                 share_text(first->accuracy), interval_text(*first));
  }
  if (run.evals.size() > 1) {
    html += fact("Accuracy after", share_text(run.evals.back().accuracy),
                 interval_text(run.evals.back()));
    const auto best = run.best_eval();
    html += fact("Best", share_text(best->accuracy), interval_text(*best));
  }
  html += fact("Steps", fmt::format("{} of {}", run.step, run.steps),
               run.state + (run.reason.empty() ? "" : ": " + run.reason));
  rl::LedgerTotal total;
  for (const auto& [stage, part] : ledger) total += part;
  if (total.seconds > 0.0) {
    html += fact("Time", duration_text(total.seconds),
                 fmt::format("{:.3g} device-hours", total.device_seconds / 3600.0));
    html += fact("Tokens", count_text(static_cast<double>(total.tokens)), flops_text(total.flops));
  }
  return html + "</dl>\n";
}

Curve curve_of(const RunView& run, const std::string& legend, const std::string& metric,
               bool is_smoothed) {
  Curve curve{legend, {}, is_smoothed && !metric.starts_with("eval/")};
  for (const auto& record : run.metrics) {
    const auto found = record.values.find(metric);
    if (found != record.values.end()) {
      curve.points.push_back({static_cast<double>(record.step), found->second, {}, {}});
    }
  }
  return curve;
}

/// What stands between the two in names of figures: rules, sets.
std::set<std::string> names_between(const RunView& run, std::string_view before,
                                    std::string_view after) {
  std::set<std::string> names;
  for (const auto& record : run.metrics)
    for (const auto& [name, value] : record.values)
      if (name.starts_with(before) && name.ends_with(after) &&
          name.size() > before.size() + after.size())
        names.insert(name.substr(before.size(), name.size() - before.size() - after.size()));
  return names;
}

std::string accuracy_chart(const RunView& run) {
  Curve curve{"accuracy", {}, false};
  for (const auto& eval : run.evals) {
    curve.points.push_back({static_cast<double>(eval.step), eval.accuracy, eval.low, eval.high});
  }
  std::vector<Curve> curves;
  if (!curve.points.empty()) curves.push_back(std::move(curve));
  for (const std::string& set : names_between(run, "eval/", "/accuracy"))
    if (rl::is_free_set_name(set))
      curves.push_back(curve_of(run, set, "eval/" + set + "/accuracy", false));
  return chart_html({"Accuracy", "on held-out problems, with its 95 % interval", curves});
}

std::string rule_charts(const RunView& run) {
  std::string html;
  for (const std::string& rule : names_between(run, "rewards/", "/mean")) {
    Chart chart{"Rule " + rule, "mean of its grades, before weight and bounds", {}, false};
    chart.curves.push_back(curve_of(run, "sampled", "rewards/" + rule + "/mean", true));
    Curve held_out = curve_of(run, "held out", "eval/rewards/" + rule, false);
    if (!held_out.points.empty()) chart.curves.push_back(std::move(held_out));
    html += chart_html(chart);
  }
  return html;
}

std::string charts_html(const RunView& run) {
  std::string html = accuracy_chart(run);
  for (const auto& figure : figures()) {
    Chart chart{figure.title, figure.explanation, {}, figure.starts_at_zero};
    for (const auto& [legend, metric] : figure.curves) {
      Curve curve = curve_of(run, legend, metric, figure.is_smoothed);
      if (!curve.points.empty()) chart.curves.push_back(std::move(curve));
    }
    html += chart_html(chart);
    if (figure.title == std::string_view("Reward")) html += rule_charts(run);
  }
  if (html.empty()) return "<p class=\"note\">No step is logged yet.</p>\n";
  return "<section class=\"charts\">\n" + html + "</section>\n";
}

std::string optional_number(const std::optional<double>& value) {
  return value ? fmt::format("{:.4f}", *value) : "–";
}

std::string cost_row(const std::string& stage, const rl::LedgerTotal& part, double all_seconds) {
  return fmt::format(
      "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.4f}</td><td>{}</td><td>{}</td><td>{}</"
      "td><td>{}</td></tr>\n",
      html_text(stage), duration_text(part.seconds),
      all_seconds > 0.0 ? share_text(part.seconds / all_seconds) : "–",
      part.device_seconds / 3600.0, count_text(static_cast<double>(part.tokens)),
      flops_text(part.flops), optional_number(part.energy_wh), optional_number(part.money));
}

std::string cost_html(const Bill& bill) {
  const auto& ledger = bill.stages.front().parts;
  if (ledger.empty()) return "";
  rl::LedgerTotal total;
  for (const auto& [stage, part] : ledger) total += part;
  std::string rows;
  for (const auto& [stage, part] : ledger) rows += cost_row(stage, part, total.seconds);
  std::string foot = cost_row("all", total, total.seconds);
  return fmt::format(
             "<h2>What it cost</h2>\n<div "
             "class=\"scroll\"><table><thead><tr><th>Stage</th><th>Time</th>"
             "<th>Share</th><th>Device-hours</th><th>Tokens</th><th>Work</th><th>Energy (Wh)</th>"
             "<th>Money</th></tr></thead>\n<tbody>{}</tbody><tfoot>{}</tfoot></table></div>\n",
             rows, foot) +
         bill_picture(bill);
}

std::string warnings_html(const RunView& run) {
  if (run.warnings.empty()) return "";
  std::string html = "<h2>Warnings</h2>\n<ul class=\"warnings\">\n";
  const size_t first = run.warnings.size() - std::min(run.warnings.size(), kMaxWarnings);
  if (first > 0) html += fmt::format("<li>{} earlier ones are in warnings.jsonl</li>\n", first);
  for (size_t i = first; i < run.warnings.size(); ++i)
    html += fmt::format("<li><span class=\"tag\">step {}</span> {}</li>\n", run.warnings[i].step,
                        html_text(run.warnings[i].message));
  return html + "</ul>\n";
}

std::string sample_kinds(const Sample& sample) {
  std::string kinds = sample.finish;
  if (!sample.error.empty()) kinds += " failed";
  if (sample.advantage && *sample.advantage > 0) kinds += " better";
  if (sample.advantage && *sample.advantage < 0) kinds += " worse";
  return kinds;
}

std::string advantage_tag(const Sample& sample) {
  if (!sample.advantage) return "";
  const char* direction = *sample.advantage > 0 ? " up" : *sample.advantage < 0 ? " down" : "";
  return fmt::format(R"(<span class="tag{}">advantage {:+.3f}</span>)", direction,
                     *sample.advantage);
}

std::string sample_html(const Sample& sample) {
  std::string grades;
  for (const auto& [rule, grade] : sample.grades) {
    grades += fmt::format("{}: {}\n", html_text(rule), html_text(grade));
  }
  const std::string reward = sample.reward ? short_number(*sample.reward) : "";
  std::string html = fmt::format(
      R"(<details class="sample" data-step="{}" data-reward="{}" data-kind="{}"><summary>)"
      R"(<span class="tag">step {}</span><span class="title">{}</span>)"
      R"(<span class="tag">{} tokens, {}</span>{}<span class="tag"><b>{}</b></span></summary><div class="body">)",
      sample.step, reward, html_text(sample_kinds(sample)), sample.step,
      html_text(sample_title(sample.prompt)), sample.num_tokens, html_text(sample.finish),
      advantage_tag(sample), reward.empty() ? "no reward" : "reward " + reward);
  html += fmt::format("<h3>Prompt ({})</h3><pre>{}</pre><h3>Completion {}</h3><pre>{}</pre>",
                      html_text(sample.prompt_id), html_text(sample.prompt), sample.index,
                      html_text(sample.completion));
  if (!sample.error.empty()) html += "<h3>Error</h3><pre>" + html_text(sample.error) + "</pre>";
  if (!grades.empty()) html += "<h3>Grades</h3><pre>" + grades + "</pre>";
  return html + "</div></details>\n";
}

std::string filter_html(const std::vector<Sample>& samples) {
  std::set<int64_t> steps;
  for (const auto& sample : samples) steps.insert(sample.step);
  std::string options = "<option value=\"\">all</option>";
  for (const int64_t step : steps) options += fmt::format("<option>{}</option>", step);
  return fmt::format(
      "<form class=\"filter\"><label>Step <select name=\"step\">{}</select></label>"
      "<label>Reward from <input type=\"number\" step=\"any\" name=\"low\" size=\"6\"></label>"
      "<label>to <input type=\"number\" step=\"any\" name=\"high\" size=\"6\"></label>"
      "<label>Kind <select name=\"kind\"><option value=\"\">all</option>"
      "<option value=\"better\">better than its group</option>"
      "<option value=\"worse\">worse than its group</option><option value=\"length\">cut "
      "off</option>"
      "<option value=\"failed\">failed</option></select></label>"
      "<label>Text <input type=\"search\" name=\"text\"></label><output></output></form>\n",
      options);
}

std::string samples_html(const SampleList& list) {
  if (list.samples.empty()) return "";
  std::string html = "<section class=\"browse\"><h2>Completions</h2>\n";
  if (list.num_in_files > static_cast<int64_t>(list.samples.size())) {
    html += fmt::format(
        "<p class=\"note\">{} of the run's {} recorded completions, spread over its steps; all are "
        "in samples/.</p>\n",
        list.samples.size(), list.num_in_files);
  }
  html += filter_html(list.samples);
  for (const auto& sample : list.samples) html += sample_html(sample);
  return html + "</section>\n";
}

std::string page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">"
      "<title>{}</title><style>{}</style></head>\n<body>\n{}\n<script>{}</script></body></html>\n",
      html_text(title), kPageStyle, body, kPageScript);
}

}  // namespace

std::string report_html(const fs::path& path) {
  const RunView run = read_run(path);
  check_stays_inside(path / "recipe.toml");  // it is shown, and the folder may be another's
  const Bill bill = read_bill(path);
  const std::string recipe = read_file(path / "recipe.toml", kMaxRecipeBytes);
  const std::string name = fs::absolute(path).lexically_normal().filename().string();
  std::string body = fmt::format(
      "<h1>{}</h1>\n<p class=\"lead\">{}{}</p>\n", html_text(name), html_text(run.state),
      run.updated.empty() ? "" : ", last written " + html_text(run.updated));
  body += facts_html(run, bill.stages.front().parts);
  body += warnings_html(run);
  body += "<h2>Curves</h2>\n" + charts_html(run);
  body += cost_html(bill);
  body += evaluation_html(path, kMaxAnswers);
  body += samples_html(read_samples(path / "samples", kMaxSamples));
  body += "<h2>Recipe</h2>\n<details class=\"recipe\"><summary>as resolved</summary><pre>" +
          html_text(recipe) + "</pre></details>\n";
  body += fmt::format("<footer>Written by gradus {} on {}.</footer>", kVersion, utc_now());
  return page(name, body);
}

fs::path write_report(const fs::path& run) {
  const fs::path path = run / "report.html";
  write_file_atomically(path, report_html(run));
  return path;
}

}  // namespace gradus::runs
