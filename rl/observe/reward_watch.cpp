#include "rl/observe/reward_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

constexpr int64_t kPatience = 10;        // steps in a row before a matter is worth a warning
constexpr double kManyDuplicates = 0.5;  // of completions
constexpr double kRewardWeight = 0.2;    // of the newest step in the moving mean
constexpr double kAccuracyDrop = 0.05;   // below the best, while the reward rose

struct Tally {
  int64_t completions = 0;
  int64_t failed_rollouts = 0;
  int64_t truncated = 0;
  int64_t not_scored = 0;
  std::string rollout_error;
  std::set<double> rewards;

  explicit Tally(const std::vector<Group>& groups) {
    for (const Group& group : groups)
      for (size_t i = 0; i < group.completions.size(); ++i) {
        const auto& completion = group.completions[i];
        ++completions;
        if (!is_trainable(completion)) {
          ++failed_rollouts;
          if (rollout_error.empty()) rollout_error = completion.error;
          continue;
        }
        truncated += completion.is_truncated() ? 1 : 0;
        if (std::isnan(group.rewards[i]))
          ++not_scored;
        else
          rewards.insert(group.rewards[i]);
      }
  }
  int64_t sampled() const { return completions - failed_rollouts; }
};

std::string first_reason(const std::vector<Group>& groups, const std::vector<std::string>& names) {
  for (const Group& group : groups)
    for (size_t rule = 0; rule < names.size(); ++rule)
      for (const auto& grade : group.grades[rule])
        if (grade.outcome != rewards::GradeOutcome::scored)
          return fmt::format("{}: {}", names[rule], grade.reason);
  return "no reason given";
}

bool is_constant(const std::vector<Group>& groups, size_t rule) {
  std::optional<double> first;
  for (const Group& group : groups)
    for (const auto& grade : group.grades[rule]) {
      if (grade.outcome != rewards::GradeOutcome::scored) continue;
      if (!first) first = grade.value;
      if (*first != grade.value) return false;
    }
  return true;
}

double mean_reward(const std::vector<Group>& groups, bool& has_any) {
  double sum = 0.0;
  int64_t count = 0;
  for (const Group& group : groups)
    for (const double reward : group.rewards)
      if (std::isfinite(reward)) {
        sum += reward;
        ++count;
      }
  has_any = count > 0;
  return has_any ? sum / static_cast<double>(count) : 0.0;
}

}  // namespace

double duplicate_share(const std::vector<Group>& groups) {
  int64_t duplicates = 0;
  int64_t total = 0;
  for (const Group& group : groups) {
    std::set<std::string_view> seen;
    for (const auto& completion : group.completions) {
      if (!is_trainable(completion)) continue;
      ++total;
      duplicates += seen.insert(completion.text).second ? 0 : 1;
    }
  }
  return total == 0 ? 0.0 : static_cast<double>(duplicates) / static_cast<double>(total);
}

std::optional<std::string> explain_no_signal(const std::vector<Group>& groups,
                                             const std::vector<std::string>& rule_names) {
  // Advantages other than 0 tell of a signal in a sum that is equal (rl.combine_rewards).
  const auto teaches = [](const Group& group) {
    return has_signal(group) ||
           std::ranges::any_of(group.advantages, [](double a) { return a != 0.0; });
  };
  if (std::ranges::any_of(groups, teaches)) return std::nullopt;
  const Tally tally(groups);
  const int64_t n = tally.completions;
  if (tally.sampled() == 0)
    return fmt::format("all {} rollouts failed: {}", n, tally.rollout_error);
  if (tally.not_scored == tally.sampled())
    return fmt::format(
        "no rule could score any of {} completions ({}); check the rule's options "
        "against the data with `gradus rewards check`",
        tally.sampled(), first_reason(groups, rule_names));
  if (tally.truncated == tally.sampled())
    return fmt::format(
        "all {} completions were cut off at rollout.max_tokens before an answer; "
        "raise it, or check that the prompt's template lets the model stop",
        tally.truncated);
  if (duplicate_share(groups) > 0.8)
    return "nearly all completions of a prompt are equal; raise rollout.temperature, or widen "
           "top_k, top_p and min_p";
  if (tally.rewards.size() == 1)
    return fmt::format(
        "all {} completions got the same reward, {}; the task is too hard or too easy for the "
        "model, or the rule does not see the answer (look at samples/, and at the prompt's "
        "template)",
        tally.sampled(), *tally.rewards.begin());
  return "the rewards within every group are equal; more completions per prompt "
         "(rl.group_size), a mix of easier and harder questions, or rl.dynamic_sampling help";
}

void RewardWatch::warn_once(const std::string& matter, std::string message,
                            std::vector<std::string>& out) {
  if (!std::exchange(is_said_[matter], true)) out.push_back(std::move(message));
}

std::vector<std::string> RewardWatch::look_at(int64_t step, const std::vector<Group>& groups,
                                              const std::vector<std::string>& rule_names) {
  std::vector<std::string> warnings;
  const auto cause = explain_no_signal(groups, rule_names);
  int64_t& silent = steps_without_["signal"];
  silent = cause ? silent + 1 : 0;
  if (step == 1 && cause)
    warn_once("first step", "step 1 has no signal, nothing was learned: " + *cause, warnings);
  if (silent == kPatience)
    warn_once("signal",
              fmt::format("steps {} to {} had no signal: {}", step - kPatience + 1, step, *cause),
              warnings);
  for (size_t rule = 0; rule < rule_names.size(); ++rule) {
    int64_t& constant = steps_without_["rule " + rule_names[rule]];
    constant = is_constant(groups, rule) ? constant + 1 : 0;
    if (constant == kPatience)
      warn_once("rule " + rule_names[rule],
                fmt::format("rule {} gave every completion of {} steps the same value; it teaches "
                            "nothing as it stands",
                            rule_names[rule], kPatience),
                warnings);
  }
  const double duplicates = duplicate_share(groups);
  int64_t& repeated = steps_without_["duplicates"];
  repeated = duplicates > kManyDuplicates ? repeated + 1 : 0;
  if (repeated == kPatience)
    warn_once("duplicates",
              fmt::format("step {}: {:.0f} % of completions repeat another one of their group; the "
                          "policy has lost its variety",
                          step, 100.0 * duplicates),
              warnings);
  bool has_any = false;
  if (const double reward = mean_reward(groups, has_any); has_any) {
    mean_reward_ = has_reward_ ? mean_reward_ + kRewardWeight * (reward - mean_reward_) : reward;
    has_reward_ = true;
  }
  return warnings;
}

std::string RewardWatch::memory() const {
  return dump_json({{"steps_without", steps_without_},
                    {"is_said", is_said_},
                    {"mean_reward", mean_reward_},
                    {"has_reward", has_reward_},
                    {"best_accuracy", best_accuracy_ ? nlohmann::json(*best_accuracy_) : nullptr},
                    {"reward_at_best", reward_at_best_}});
}

void RewardWatch::recall(const std::string& memory) {
  if (memory.empty()) return;  // of a checkpoint of before
  try {
    const auto json = parse_json(memory, "state.json: memory");
    steps_without_ = json.at("steps_without").get<std::map<std::string, int64_t>>();
    is_said_ = json.at("is_said").get<std::map<std::string, bool>>();
    mean_reward_ = json.at("mean_reward").get<double>();
    has_reward_ = json.at("has_reward").get<bool>();
    best_accuracy_.reset();
    if (!json.at("best_accuracy").is_null())
      best_accuracy_ = json.at("best_accuracy").get<double>();
    reward_at_best_ = json.at("reward_at_best").get<double>();
  } catch (const nlohmann::json::exception& error) {
    throw FileError("state.json: memory", "bad_state", error.what());
  }
}

std::vector<std::string> RewardWatch::look_at_eval(int64_t step, double accuracy) {
  std::vector<std::string> warnings;
  if (best_accuracy_ && accuracy < *best_accuracy_ - kAccuracyDrop &&
      mean_reward_ > reward_at_best_)
    warn_once("hacking",
              fmt::format("step {}: the training reward rose from {:.3f} to {:.3f} while held-out "
                          "accuracy fell from {:.3f} to {:.3f}; read samples/ for completions that "
                          "please the rule without being right",
                          step, reward_at_best_, mean_reward_, *best_accuracy_, accuracy),
              warnings);
  if (!best_accuracy_ || accuracy > *best_accuracy_) {
    best_accuracy_ = accuracy;
    reward_at_best_ = mean_reward_;
  }
  return warnings;
}

}  // namespace gradus::rl
