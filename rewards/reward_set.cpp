#include "rewards/reward_set.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "rewards/registry.h"

namespace gradus::rewards {
namespace {

constexpr size_t kMaxErrorBytes = 2000;

bool is_failure(const Grade& grade) {
  return grade.outcome == GradeOutcome::failed || grade.outcome == GradeOutcome::timed_out;
}

// Only finite values of a size that statistics survive may reach an advantage.
void check_value(Grade& grade) {
  if (grade.outcome != GradeOutcome::scored) return;
  if (std::isfinite(grade.value) && std::abs(grade.value) <= RewardSet::kLargestValue) {
    grade.value += 0.0;  // -0 becomes 0
    return;
  }
  grade.reason = fmt::format("the value is {}, must be finite and at most {} in size",
                             number_text(grade.value), number_text(RewardSet::kLargestValue));
  grade.outcome = GradeOutcome::failed;
  grade.value = 0.0;
}

std::vector<std::unique_ptr<RewardRule>> make_rules(const std::vector<RewardConfig>& configs,
                                                    RewardSet::MakeRule make) {
  if (configs.empty()) {
    throw ConfigError(
        "rewards: there is no rule. Add a table: [[rewards]] with type = \"accuracy\"");
  }
  std::set<std::string> names;
  std::vector<std::unique_ptr<RewardRule>> rules;
  for (const RewardConfig& config : configs) {
    if (!names.insert(config.display_name()).second) {
      throw ConfigError(source_of(config) + ": two rules are named " +
                        printable(config.display_name(), 100) + ". Give one of them a `name`");
    }
    rules.push_back(make(config));
  }
  return rules;
}

void check_terms(const RewardConfig& config, bool is_last) {
  const auto refuse = [&config](const std::string& what) {
    throw ConfigError(source_of(config) + ": " + what);
  };
  if (config.min && config.max && *config.min > *config.max) {
    refuse(fmt::format("min: is {}, must be at most max = {}", *config.min, *config.max));
  }
  if (!config.gate) return;
  if (is_last) refuse("gate: there is no rule below it to open; move it above those it guards");
  if (config.max && *config.max < *config.gate) {
    refuse(fmt::format("gate: is {}, which no value can reach with max = {}", *config.gate,
                       *config.max));
  }
}

std::vector<RewardTerms> terms_of(const std::vector<RewardConfig>& configs) {
  std::vector<RewardTerms> terms;
  for (const RewardConfig& config : configs) {
    check_terms(config, &config == &configs.back());
    terms.push_back({config.weight, config.min, config.max, config.gate, config.sources});
  }
  return terms;
}

/// The row's column `source`, or "".
std::string source_of_row(const RewardInput& input) {
  if (input.row == nullptr || !input.row->is_object()) return "";
  const auto source = input.row->find("source");
  return source != input.row->end() && source->is_string() ? source->get<std::string>() : "";
}

/// [input] whether the rule is for it.
std::vector<bool> are_meant(const RewardTerms& terms, std::span<const RewardInput> group) {
  std::vector<bool> meant(group.size(), true);
  if (terms.sources.empty()) return meant;
  for (size_t i = 0; i < group.size(); ++i)
    meant[i] = std::ranges::find(terms.sources, source_of_row(group[i])) != terms.sources.end();
  return meant;
}

std::vector<Grade> all_failed(size_t count, const std::string& reason) {
  return std::vector<Grade>(count, failed(reason));
}

}  // namespace

double RuleCounts::failed_share() const {
  if (total() == 0) return 0.0;
  return static_cast<double>(failed + timed_out) / static_cast<double>(total());
}

RewardSet::RewardSet(const std::vector<RewardConfig>& configs)
    : RewardSet(configs, make_reward_rule) {}

RewardSet::RewardSet(const std::vector<RewardConfig>& configs, MakeRule make)
    : RewardSet(make_rules(configs, make), terms_of(configs)) {}

RewardSet::RewardSet(std::vector<std::unique_ptr<RewardRule>> rules, std::vector<RewardTerms> terms)
    : rules_(std::move(rules)), terms_(std::move(terms)) {
  if (rules_.size() != terms_.size()) {
    throw ArgumentError(fmt::format("RewardSet: {} rules, {} terms", rules_.size(), terms_.size()));
  }
  take_counts();
}

GradedGroup RewardSet::grade(std::span<const RewardInput> group) {
  GradedGroup graded;
  std::vector<double> seconds;
  std::vector<RewardTerms> terms = terms_;
  for (size_t k = 0; k < rules_.size(); ++k) {
    const double begin = now_s();
    const auto meant = are_meant(terms_[k], group);
    graded.grades.push_back(grades_of_some(*rules_[k], group, meant));
    // A gate of other rows' rules is none for these.
    if (std::ranges::find(meant, true) == meant.end()) terms[k].gate.reset();
    seconds.push_back(now_s() - begin);
  }
  graded.contributions = contributions_of(graded.grades, terms);
  graded.rewards = weighted_sums(graded.contributions, terms_);
  count(graded, seconds);
  return graded;
}

std::vector<Grade> RewardSet::grades_of_some(RewardRule& rule, std::span<const RewardInput> group,
                                             const std::vector<bool>& meant) const {
  if (std::ranges::find(meant, false) == meant.end()) return grades_of(rule, group);
  std::vector<RewardInput> some;
  for (size_t i = 0; i < group.size(); ++i)
    if (meant[i]) some.push_back(group[i]);
  const auto graded = some.empty() ? std::vector<Grade>() : grades_of(rule, some);
  std::vector<Grade> grades;
  size_t next = 0;
  for (size_t i = 0; i < group.size(); ++i)
    grades.push_back(meant[i] ? graded[next++] : skipped("the rule is for rows of other sources"));
  return grades;
}

std::vector<Grade> RewardSet::grades_of(RewardRule& rule,
                                        std::span<const RewardInput> group) const {
  std::vector<Grade> grades;
  try {
    grades = rule.grade(group);
  } catch (const std::exception& error) {
    // One broken rule must not end the step: its grades say why.
    return all_failed(group.size(), printable(error.what(), kMaxErrorBytes));
  }
  if (grades.size() != group.size()) {
    return all_failed(group.size(), fmt::format("rule {} gave {} grades for {} completions",
                                                rule.name(), grades.size(), group.size()));
  }
  std::for_each(grades.begin(), grades.end(), check_value);
  return grades;
}

void RewardSet::count(const GradedGroup& graded, const std::vector<double>& seconds) {
  const std::lock_guard lock(mutex_);
  for (size_t k = 0; k < rules_.size(); ++k) {
    RuleCounts& counts = counts_[k];
    counts.seconds += seconds[k];
    for (const Grade& grade : graded.grades[k]) {
      if (grade.outcome == GradeOutcome::scored) ++counts.scored;
      if (grade.outcome == GradeOutcome::skipped) ++counts.skipped;
      if (grade.outcome == GradeOutcome::failed) ++counts.failed;
      if (grade.outcome == GradeOutcome::timed_out) ++counts.timed_out;
      if (is_failure(grade) && counts.first_reason.empty()) counts.first_reason = grade.reason;
    }
  }
}

std::vector<std::string> RewardSet::rule_names() const {
  std::vector<std::string> names;
  for (const auto& rule : rules_) names.push_back(rule->name());
  return names;
}

std::vector<std::string> RewardSet::notices() const {
  std::vector<std::string> all;
  for (const auto& rule : rules_) {
    for (std::string& notice : rule->notices()) all.push_back(std::move(notice));
  }
  return all;
}

std::vector<RuleCounts> RewardSet::take_counts() {
  std::vector<RuleCounts> fresh(rules_.size());
  for (size_t k = 0; k < rules_.size(); ++k) fresh[k].name = rules_[k]->name();
  const std::lock_guard lock(mutex_);
  fresh.swap(counts_);
  return fresh;
}

void check_failed_share(std::span<const RuleCounts> counts, double max_failed_share) {
  for (const RuleCounts& rule : counts) {
    if (rule.failed_share() <= max_failed_share) continue;
    throw PeerError(fmt::format(
        "reward rule {}: {} of {} completions could not be graded ({} failed, {} timed out), more "
        "than the allowed share of {}. The first: {}",
        rule.name, rule.failed + rule.timed_out, rule.total(), rule.failed, rule.timed_out,
        number_text(max_failed_share), rule.first_reason));
  }
}

}  // namespace gradus::rewards
