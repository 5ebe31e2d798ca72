#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "rewards/combination.h"
#include "rewards/reward_config.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// What all rules made of one group.
struct GradedGroup {
  std::vector<std::vector<Grade>> grades;  // [rule][completion]
  Contributions contributions;             // [rule][completion] what of each grade counts
  std::vector<double> rewards;             // [completion]; NaN: nothing counts
};

/// Outcomes of one rule over some groups.
struct RuleCounts {
  std::string name;
  int64_t scored = 0;
  int64_t skipped = 0;
  int64_t failed = 0;
  int64_t timed_out = 0;
  std::string first_reason;  // of the first that failed or timed out
  double seconds = 0;        // of grading, summed over threads; 0 without a clock

  int64_t total() const { return scored + skipped + failed + timed_out; }
  double failed_share() const;
};

/// The rules of a run with the terms on which they pay (weight, bounds, gates: combination.h).
///
/// A completion's reward is the sum of weight * value over the rules that scored it:
///
///   reward_i = sum over rules k with outcome scored of  weight_k * v_ik
///
/// where v_ik is the rule's value within its bounds, and 0 behind a closed gate. Skipped, failed
/// and timed-out grades are left out of the sum and counted. If no rule scored a completion its
/// reward is NaN: it cannot be compared, which is not the same as 0.
///
/// A rule that breaks its contract cannot spoil a group: a wrong number of grades or an exception
/// makes all its grades of the group failed; NaN, infinite, and values past 1e9 (whose square
/// leaves float's precision) make that grade failed; the reason is kept.
///
/// `grade` may be called from several threads at once.
class RewardSet {
 public:
  static constexpr double kLargestValue = 1e9;

  /// @throws ConfigError  no rule, two of one name, min above max, a gate below which there is no
  ///                      rule or that no value can open, or what make_reward_rule throws.
  explicit RewardSet(const std::vector<RewardConfig>& configs);

  /// How a rule is made of its table; for rules that other rooms have.
  using MakeRule = std::unique_ptr<RewardRule> (*)(const RewardConfig&);
  /// The same with rules made by others. @throws  what `make` throws.
  RewardSet(const std::vector<RewardConfig>& configs, MakeRule make);

  /// From rules already made; `terms` has one entry a rule.
  RewardSet(std::vector<std::unique_ptr<RewardRule>> rules, std::vector<RewardTerms> terms);

  /// Seconds per rule are counted from now on. Grades do not depend on it. Before the first grade.
  void measure_with(const Clock& clock) { clock_ = &clock; }

  /// For people who wait: see RewardRule::stop_with.
  void stop_with(const std::stop_token& stop) {
    for (const auto& rule : rules_) rule->stop_with(stop);
  }

  GradedGroup grade(std::span<const RewardInput> group);

  /// Names of the rules, in the order of GradedGroup::grades.
  std::vector<std::string> rule_names() const;
  const std::vector<RewardTerms>& terms() const { return terms_; }

  /// What the rules want to be said before the run.
  std::vector<std::string> notices() const;

  /// Outcomes per rule since the last call, which starts a new count: call it once a step.
  std::vector<RuleCounts> take_counts();

 private:
  /// @param meant  [completion] whether the rule is for its row; the others are skipped.
  std::vector<Grade> grades_of_some(RewardRule& rule, std::span<const RewardInput> group,
                                    const std::vector<bool>& meant) const;
  std::vector<Grade> grades_of(RewardRule& rule, std::span<const RewardInput> group) const;
  void count(const GradedGroup& graded, const std::vector<double>& seconds);
  double now_s() const { return clock_ == nullptr ? 0.0 : clock_->now_s(); }

  std::vector<std::unique_ptr<RewardRule>> rules_;
  std::vector<RewardTerms> terms_;
  const Clock* clock_ = nullptr;
  std::mutex mutex_;
  std::vector<RuleCounts> counts_;
};

/// Stops a run whose grading is broken.
/// @throws PeerError  a rule failed or timed out on more than `max_failed_share` of its
///         completions; names the rule, the share and the first reason.
void check_failed_share(std::span<const RuleCounts> counts, double max_failed_share);

}  // namespace gradus::rewards
