#include "rl/observe/group_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

using rewards::Grade;
using rewards::GradeOutcome;

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Mean, least and greatest of lengths; nothing is reported of none.
class Lengths {
 public:
  void add(size_t length) {
    const auto n = static_cast<double>(length);
    least_ = count_ == 0 ? n : std::min(least_, n);
    greatest_ = std::max(greatest_, n);
    sum_ += n;
    ++count_;
  }

  void report(const std::string& name, Metrics& metrics) const {
    if (count_ == 0) return;
    metrics["completions/mean_" + name] = sum_ / static_cast<double>(count_);
    metrics["completions/min_" + name] = least_;
    metrics["completions/max_" + name] = greatest_;
  }

  double mean() const { return sum_ / static_cast<double>(count_); }
  bool empty() const { return count_ == 0; }

 private:
  int64_t count_ = 0;
  double sum_ = 0.0;
  double least_ = 0.0;
  double greatest_ = 0.0;
};

void report_completions(const std::vector<Group>& groups, Metrics& metrics) {
  Lengths all;
  Lengths terminated;
  Lengths better;
  Lengths worse;
  int64_t total = 0;
  int64_t truncated = 0;
  int64_t left_out = 0;
  for (const Group& group : groups) {
    for (size_t i = 0; i < group.completions.size(); ++i) {
      const rollout::Completion& completion = group.completions[i];
      ++total;
      if (!is_trainable(completion)) {
        ++left_out;
        continue;
      }
      const size_t length = completion.tokens.size();
      all.add(length);
      if (completion.is_truncated()) ++truncated;
      if (!completion.is_truncated()) terminated.add(length);
      const double advantage = i < group.advantages.size() ? group.advantages[i] : 0.0;
      if (advantage > 0.0) better.add(length);
      if (advantage < 0.0) worse.add(length);
    }
  }
  all.report("length", metrics);
  terminated.report("terminated_length", metrics);
  if (!better.empty()) metrics["completions/mean_length_better"] = better.mean();
  if (!worse.empty()) metrics["completions/mean_length_worse"] = worse.mean();
  metrics["completions/clipped_ratio"] = share(truncated, total - left_out);
  metrics["completions/failed"] = static_cast<double>(left_out);
}

void report_rewards(const std::vector<Group>& groups, Metrics& metrics) {
  std::vector<double> all;
  double sum_std = 0.0;
  int64_t num_equal = 0;
  int64_t num_scored = 0;
  for (const Group& group : groups) {
    std::vector<double> rewards;
    for (size_t i = 0; i < std::min(group.rewards.size(), group.completions.size()); ++i) {
      if (is_trainable(group.completions[i])) rewards.push_back(group.rewards[i]);
    }
    const RewardMoments moments = reward_moments(rewards);
    num_equal += moments.all_equal ? 1 : 0;
    all.insert(all.end(), rewards.begin(), rewards.end());
    if (moments.count == 0) continue;
    sum_std += moments.std;
    ++num_scored;
  }
  const RewardMoments moments = reward_moments(all);
  metrics["frac_reward_zero_std"] = share(num_equal, static_cast<int64_t>(groups.size()));
  metrics["completions/not_scored"] =
      static_cast<double>(static_cast<int64_t>(all.size()) - moments.count);
  if (moments.count == 0) return;
  metrics["reward"] = moments.mean;
  metrics["reward_std"] = sum_std / static_cast<double>(num_scored);
}

// Rows that name their source, where there are several: rules of different scale are told apart.
void report_sources(const std::vector<Group>& groups, Metrics& metrics) {
  std::map<std::string, std::vector<double>> rewards;
  std::map<std::string, int64_t> prompts;
  for (const Group& group : groups) {
    const auto& row = group.prompt.row;
    if (!row.is_object() || !row.contains("source") || !row["source"].is_string()) continue;
    const auto source = row["source"].get<std::string>();
    ++prompts[source];
    for (size_t i = 0; i < std::min(group.rewards.size(), group.completions.size()); ++i)
      if (is_trainable(group.completions[i])) rewards[source].push_back(group.rewards[i]);
  }
  if (prompts.size() < 2) return;
  for (const auto& [source, count] : prompts) {
    const RewardMoments moments = reward_moments(rewards[source]);
    metrics["sources/" + source + "/share"] = share(count, static_cast<int64_t>(groups.size()));
    if (moments.count > 0) metrics["sources/" + source + "/reward"] = moments.mean;
  }
}

// Of the grades that the rule scored: how many its bounds changed, how many a gate above withheld,
// and how many open its own gate.
void report_terms(const std::vector<Group>& groups, size_t rule, const std::string& prefix,
                  Metrics& metrics) {
  int64_t scored = 0;
  int64_t clipped = 0;
  int64_t gated = 0;
  int64_t open = 0;
  bool has_bounds = false;
  bool has_gate = false;
  bool is_guarded = false;
  for (const Group& group : groups) {
    if (group.contributions.size() != group.grades.size()) continue;  // graded by no RewardSet
    const rewards::RewardTerms& terms = group.terms.at(rule);
    has_bounds = terms.min || terms.max;
    has_gate = terms.gate.has_value();
    is_guarded = std::any_of(group.terms.begin(), group.terms.begin() + static_cast<long>(rule),
                             [](const auto& above) { return above.gate.has_value(); });
    for (size_t i = 0; i < group.grades[rule].size(); ++i) {
      const Grade& grade = group.grades[rule][i];
      if (grade.outcome != GradeOutcome::scored) continue;
      const rewards::Contribution& part = group.contributions[rule][i];
      ++scored;
      clipped += part.is_clipped ? 1 : 0;
      gated += part.is_gated ? 1 : 0;
      open += has_gate && rewards::clipped_value(grade.value, terms) >= *terms.gate ? 1 : 0;
    }
  }
  if (scored == 0) return;
  if (has_bounds) metrics[prefix + "/clipped_share"] = share(clipped, scored);
  if (is_guarded) metrics[prefix + "/gated_share"] = share(gated, scored);
  if (has_gate) metrics[prefix + "/open_share"] = share(open, scored);
}

void report_rule(const std::vector<Group>& groups, size_t rule, const std::string& name,
                 Metrics& metrics) {
  std::vector<double> values;
  int64_t skipped = 0;
  int64_t failed = 0;
  int64_t timed_out = 0;
  for (const Group& group : groups) {
    for (const Grade& grade : group.grades[rule]) {
      if (grade.outcome == GradeOutcome::scored) values.push_back(grade.value);
      if (grade.outcome == GradeOutcome::skipped) ++skipped;
      if (grade.outcome == GradeOutcome::failed) ++failed;
      if (grade.outcome == GradeOutcome::timed_out) ++timed_out;
    }
  }
  const std::string prefix = "rewards/" + name;
  metrics[prefix + "/skipped"] = static_cast<double>(skipped);
  metrics[prefix + "/failed"] = static_cast<double>(failed);
  metrics[prefix + "/timed_out"] = static_cast<double>(timed_out);
  const RewardMoments moments = reward_moments(values);
  if (moments.count == 0) return;
  metrics[prefix + "/mean"] = moments.mean;
  metrics[prefix + "/std"] = moments.std;
  report_terms(groups, rule, prefix, metrics);
}

}  // namespace

Metrics group_metrics(const std::vector<Group>& groups,
                      const std::vector<std::string>& rule_names) {
  Metrics metrics;
  report_completions(groups, metrics);
  report_rewards(groups, metrics);
  report_sources(groups, metrics);
  for (const Group& group : groups) {
    if (group.grades.size() == rule_names.size()) continue;
    throw ArgumentError(fmt::format("prompt {}: graded by {} rules, {} are named", group.prompt.id,
                                    group.grades.size(), rule_names.size()));
  }
  for (size_t rule = 0; rule < rule_names.size(); ++rule) {
    report_rule(groups, rule, rule_names[rule], metrics);
  }
  return metrics;
}

}  // namespace gradus::rl
