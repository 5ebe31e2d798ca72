#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <set>

#include "base/clock.h"
#include "base/error.h"
#include "base/exact_json.h"
#include "base/files/data_format.h"
#include "base/files/jsonl.h"
#include "base/printable.h"
#include "base/quantity.h"
#include "cli/commands/command_record.h"
#include "cli/rewards/reward_samples.h"
#include "cli/rewards/sample_inputs.h"
#include "cli/text_table.h"
#include "policy/checkpoint_tokenizer.h"
#include "rewards/reward_set.h"
#include "rl/collect/grade_record.h"
#include "rl/collect/reward_model_rule.h"
#include "rl/recipe/load.h"
#include "rollout/tasks/generated_task.h"

namespace gradus::cli {
namespace {

using nlohmann::json;
using Kind = RewardSample::Kind;

constexpr double kSlow_s = 1.0;  // of one rule on one completion

struct RewardsCheckOptions {
  std::string recipe;
  std::vector<std::string> settings;
  int64_t rows = 8;
};

std::vector<json> rows_of_file(const rollout::DataConfig& data, int64_t count) {
  std::vector<json> rows;
  refuse_other_formats(data.path);
  LineReader lines(data.path);
  for (int64_t i = 0; static_cast<int64_t>(rows.size()) < count; ++i) {
    const auto line = lines.next();
    if (!line) break;
    if (i < data.offset) continue;
    json row = parse_exact_json(line->text, lines.where());
    if (!row.is_object()) throw FileError(lines.where(), "bad_row", "is not a JSON object");
    rows.push_back(std::move(row));
  }
  if (rows.empty())
    throw FileError(data.path, "invalid_training_file", "has no rows to check with");
  return rows;
}

std::vector<json> rows_of(const rl::RunConfig& config, int64_t count) {
  if (config.data.task.empty()) return rows_of_file(config.data, count);
  std::vector<json> rows;
  for (int64_t i = 0; i < count; ++i) {
    rows.push_back(rollout::generate_task(config.data.task, config.data.options, config.run.seed,
                                          config.data.offset + i));
  }
  return rows;
}

// Rules name the column of their answer.
std::vector<std::string> reference_columns(const std::vector<rewards::RewardConfig>& configs) {
  std::vector<std::string> columns;
  for (const auto& config : configs) {
    const auto reference = config.options.find("reference");
    if (reference != config.options.end() && reference->is_string()) {
      columns.push_back(reference->get<std::string>());
    }
  }
  return columns;
}

/// What the rules made of one kind of sample over the rows.
struct SampleResult {
  Kind kind = Kind::right;
  std::string name;
  std::vector<double> rewards;
  std::vector<std::vector<double>> values;    // [rule]
  std::vector<std::set<std::string>> others;  // [rule] outcomes but scored
  double slowest_s = 0.0;

  double mean_reward() const { return mean(rewards); }
  static double mean(const std::vector<double>& values) {
    double sum = 0.0;
    for (const double value : values) sum += value;
    return values.empty() ? std::nan("") : sum / static_cast<double>(values.size());
  }
};

/// Grades the samples of every row and keeps what is worth telling.
class RewardCheck {
 public:
  RewardCheck(const rl::RunConfig& config, Session& session)
      : set_(config.rewards, rl::make_rule),
        names_(set_.rule_names()),
        columns_(reference_columns(config.rewards)),
        tokens_(config.model.path.empty() ? config.model.tokenizer : config.model.path),
        session_(session) {
    set_.measure_with(clock_);
    set_.stop_with(session.stop);
    rule_seconds_.resize(names_.size());
    rule_counts_.resize(names_.size());
  }

  void run(const std::vector<json>& rows) {
    warm_up(rows.front());
    for (const json& row : rows) check_row(row);
    num_rows_ = rows.size();
  }

  std::string text() const;
  bool has_failed() const { return !failures_.empty() || num_signal_ == 0 || !pays_right(); }

 private:
  void warm_up(const json& row);
  void check_row(const json& row);
  std::vector<double> grade(const json& row, const std::vector<RewardSample>& samples);
  void note(const rewards::GradedGroup& graded, const std::vector<RewardSample>& samples,
            double seconds);
  SampleResult& result_of(const RewardSample& sample);
  void note_speed();

  double best_reward(Kind kind) const;
  bool has_right() const;
  bool has_scores() const;
  bool pays_right() const;
  std::string table_text() const;
  std::string speed_text() const;
  std::string warnings_text() const;

  rewards::RewardSet set_;
  std::vector<std::string> names_;
  std::vector<std::string> columns_;
  SampleTokens tokens_;
  Session& session_;
  SteadyClock clock_;
  std::vector<SampleResult> results_;
  std::vector<double> rule_seconds_;
  std::vector<int64_t> rule_counts_;
  std::vector<std::string> failures_;
  std::set<std::string> skip_reasons_;
  size_t num_rows_ = 0;
  size_t num_signal_ = 0;
};

SampleResult& RewardCheck::result_of(const RewardSample& sample) {
  for (auto& result : results_) {
    if (result.name == sample.name) return result;
  }
  auto& result = results_.emplace_back();
  result.kind = sample.kind;
  result.name = sample.name;
  result.values.resize(names_.size());
  result.others.resize(names_.size());
  return result;
}

void RewardCheck::note(const rewards::GradedGroup& graded, const std::vector<RewardSample>& samples,
                       double seconds) {
  using rewards::GradeOutcome;
  for (size_t i = 0; i < samples.size(); ++i) {
    SampleResult& result = result_of(samples[i]);
    result.slowest_s = std::max(result.slowest_s, seconds / static_cast<double>(samples.size()));
    if (!std::isnan(graded.rewards[i])) result.rewards.push_back(graded.rewards[i]);
    for (size_t rule = 0; rule < names_.size(); ++rule) {
      const auto& grade = graded.grades[rule][i];
      if (grade.outcome == GradeOutcome::scored) {
        result.values[rule].push_back(grade.value);
        continue;
      }
      result.others[rule].insert(rl::outcome_name(grade.outcome));
      const std::string told =
          names_[rule] + " on " + samples[i].name + ": " + printable(grade.reason, 300);
      if (grade.outcome == GradeOutcome::skipped) {
        skip_reasons_.insert(names_[rule] + ": " + printable(grade.reason, 300));
      } else if (std::find(failures_.begin(), failures_.end(), told) == failures_.end()) {
        failures_.push_back(told);
      }
    }
  }
}

std::vector<double> RewardCheck::grade(const json& row, const std::vector<RewardSample>& samples) {
  const SampleInputs given(row, samples, tokens_);
  const double begin = clock_.now_s();
  const auto graded = set_.grade(given.inputs);
  note(graded, samples, clock_.now_s() - begin);
  return graded.rewards;
}

void RewardCheck::note_speed() {
  const auto counts = set_.take_counts();
  for (size_t rule = 0; rule < names_.size(); ++rule) {
    rule_seconds_[rule] += counts[rule].seconds;
    rule_counts_[rule] += counts[rule].total();
  }
}

// Plug-ins start their processes, tables are built: no part of a rule's speed.
void RewardCheck::warm_up(const json& row) {
  const std::vector<RewardSample> one{{Kind::wrong, "", "17"}};
  set_.grade(SampleInputs(row, one, tokens_).inputs);
  set_.take_counts();
}

// Ordinary samples are one group, as in training; each hostile one is graded alone, so that it can
// be timed and cannot shift the others.
void RewardCheck::check_row(const json& row) {
  std::vector<RewardSample> ordinary;
  std::vector<RewardSample> hostile;
  for (auto& sample : reward_samples(row, columns_)) {
    (sample.kind == Kind::hostile ? hostile : ordinary).push_back(std::move(sample));
  }
  const auto rewards = grade(row, ordinary);
  note_speed();
  std::set<double> distinct;
  for (const double reward : rewards) {
    if (!std::isnan(reward)) distinct.insert(reward);
  }
  num_signal_ += distinct.size() > 1 ? 1 : 0;
  for (const auto& sample : hostile) {
    if (session_.stop.stop_requested()) return;
    grade(row, {sample});
  }
  set_.take_counts();
}

double RewardCheck::best_reward(Kind kind) const {
  double best = -HUGE_VAL;
  for (const auto& result : results_) {
    if (result.kind == kind && !result.rewards.empty()) best = std::max(best, result.mean_reward());
  }
  return best;
}

bool RewardCheck::has_right() const {
  return std::any_of(results_.begin(), results_.end(),
                     [](const auto& result) { return result.kind == Kind::right; });
}

// Of completions that can be compared: right ones and wrong ones.
bool RewardCheck::has_scores() const {
  return std::isfinite(best_reward(Kind::right)) && std::isfinite(best_reward(Kind::wrong));
}

bool RewardCheck::pays_right() const {
  return !has_right() || best_reward(Kind::right) > best_reward(Kind::wrong);
}

std::string RewardCheck::table_text() const {
  std::vector<std::string> columns{"sample", "kind", "reward"};
  columns.insert(columns.end(), names_.begin(), names_.end());
  columns.emplace_back("slowest");
  TextTable table(columns);
  for (const auto& result : results_) {
    std::vector<std::string> cells{
        result.name, kind_name(result.kind),
        result.rewards.empty() ? "-" : short_number(result.mean_reward())};
    for (size_t rule = 0; rule < names_.size(); ++rule) {
      const auto& values = result.values[rule];
      std::string cell = values.empty() ? "" : short_number(SampleResult::mean(values));
      for (const auto& outcome : result.others[rule]) cell += (cell.empty() ? "" : " ") + outcome;
      cells.push_back(cell);
    }
    cells.push_back(fmt::format("{:.3f} ms", 1e3 * result.slowest_s));
    table.add(std::move(cells));
  }
  return table.text();
}

std::string RewardCheck::speed_text() const {
  std::string text = "speed on ordinary completions:";
  for (size_t rule = 0; rule < names_.size(); ++rule) {
    const auto count = static_cast<double>(rule_counts_[rule]);
    text += fmt::format(" {} {}/s{}", names_[rule],
                        count_text(count / std::max(rule_seconds_[rule], 1e-9)),
                        rule + 1 == names_.size() ? "\n" : ",");
  }
  return text;
}

std::string RewardCheck::warnings_text() const {
  std::string text;
  const auto warn = [&text](const std::string& what) { text += "warning: " + what + "\n"; };
  if (!tokens_.note().empty()) warn(tokens_.note());
  for (const auto& reason : skip_reasons_) warn("skipped: " + reason);
  for (const auto& failure : failures_) warn("failed: " + failure);
  if (!has_right()) warn("the rows have no answer to make right completions of");
  if (num_signal_ == 0) warn("no row gives its samples different rewards: a group has no signal");
  if (has_right() && !has_scores()) {
    warn(
        "right answers cannot be compared with wrong ones: rules skipped or failed on all of a "
        "kind");
  } else if (!pays_right()) {
    warn(fmt::format("no form of the right answer pays more than a wrong one ({} against {})",
                     short_number(best_reward(Kind::right)),
                     short_number(best_reward(Kind::wrong))));
  }
  for (const auto& result : results_) {
    if (result.slowest_s > kSlow_s) {
      warn(fmt::format("{} took {} to grade", result.name, duration_text(result.slowest_s)));
    }
    const bool is_paid = result.kind == Kind::hostile && has_right() && pays_right() &&
                         !result.rewards.empty() &&
                         result.mean_reward() >= best_reward(Kind::right);
    if (is_paid) warn(result.name + " is paid as much as the right answer");
  }
  return text;
}

std::string RewardCheck::text() const {
  return table_text() + speed_text() +
         fmt::format("signal: the ordinary samples differ in reward on {} of {} rows\n",
                     num_signal_, num_rows_) +
         warnings_text();
}

void check_rewards(const RewardsCheckOptions& options, Session& session) {
  if (options.rows < 1)
    throw ArgumentError(fmt::format("--rows: is {}, must be >= 1", options.rows));
  const auto config = rl::load_run_config(options.recipe, options.settings);
  if (config.rewards.empty()) throw ConfigError(options.recipe + ": rewards: there is no rule");
  RewardCheck check(config, session);
  check.run(rows_of(config, options.rows));
  if (session.stop.stop_requested()) {
    session.exit_code = kInterrupted;
    return;
  }
  session.out << check.text();
  if (check.has_failed()) session.exit_code = kFailed;
}

void declare_rewards_check(Command app, Session& session) {
  auto options = std::make_shared<RewardsCheckOptions>();
  app.add_option("recipe", options->recipe, "recipe whose [[rewards]] are tried").required();
  app.add_option("--set", options->settings, "change a setting, e.g. rewards[0].weight=0.5")
      .one_each();
  app.add_option("--rows", options->rows, "rows of the data to make samples from");
  app.callback([options, &session] { check_rewards(*options, session); });
}

}  // namespace

extern const CommandRecord kRewardsCheckCommand{
    "rewards", "check",
    "try a recipe's rules on answers made from its data, right, wrong and hostile",
    declare_rewards_check};

}  // namespace gradus::cli
