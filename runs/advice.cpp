#include "runs/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/quantity.h"

namespace gradus::runs {
namespace {

constexpr size_t kWindow = 10;
constexpr size_t kFewestToCompare = 12;
constexpr double kStallFactor = 6.0;
constexpr double kShortestStall_s = 1800.0;

/// A figure's values by step.
std::vector<double> values_of(const RunView& run, const std::string& name) {
  std::vector<double> values;
  for (const auto& record : run.metrics) {
    const auto found = record.values.find(name);
    if (record.step > 0 && found != record.values.end() && std::isfinite(found->second))
      values.push_back(found->second);
  }
  return values;
}

double mean_of(const std::vector<double>& values, size_t begin, size_t end) {
  double sum = 0.0;
  for (size_t i = begin; i < end; ++i) sum += values[i];
  return sum / static_cast<double>(std::max<size_t>(1, end - begin));
}

double deviation_of(const std::vector<double>& values, size_t begin, size_t end) {
  const double mean = mean_of(values, begin, end);
  double sum = 0.0;
  for (size_t i = begin; i < end; ++i) sum += (values[i] - mean) * (values[i] - mean);
  return std::sqrt(sum / static_cast<double>(std::max<size_t>(1, end - begin)));
}

class Adviser {
 public:
  Adviser(const RunView& run, double silent_s) : run_(run), silent_s_(silent_s) {}

  std::vector<Advice> all() {
    look_for_stall();
    look_at_signal();
    look_at_rules();
    look_at_numbers();
    const bool has_alarm =
        std::ranges::any_of(advice_, [](const Advice& one) { return one.level == "alarm"; });
    if (has_alarm) return std::move(advice_);
    look_at_lengths();
    look_at_exploration();
    look_at_trend();
    return std::move(advice_);
  }

 private:
  void say(const char* level, std::string text, const char* setting = "") {
    advice_.push_back({level, std::move(text), setting});
  }

  /// Mean over the newest steps; nothing: the run has no such figure.
  std::optional<double> recent(const std::string& name) const {
    const auto values = values_of(run_, name);
    if (values.empty()) return std::nullopt;
    const size_t window = std::clamp<size_t>(values.size() / 3, 1, kWindow);
    return mean_of(values, values.size() - window, values.size());
  }

  void look_for_stall() {
    auto seconds = values_of(run_, "time/step");
    if (run_.state != "running" || silent_s_ < 0.0 || seconds.size() < 3) return;
    std::ranges::sort(seconds);
    const double usual = seconds[seconds.size() / 2];
    if (silent_s_ < std::max(kStallFactor * usual, kShortestStall_s)) return;
    say("alarm",
        fmt::format("Nothing was written for {}, where a step takes {}: the run is stalled, "
                    "not slow. A grader or a tool that does not answer is the usual cause.",
                    duration_text(silent_s_), duration_text(usual)),
        "rewards_limits");
  }

  void look_at_signal() {
    const auto share = recent("frac_reward_zero_std");
    if (!share || *share < 0.5) return;
    const double reward = recent("reward").value_or(0.0);
    const double spread = recent("reward_std").value_or(0.0);
    const auto rewards = values_of(run_, "reward");
    const auto spreads = values_of(run_, "reward_std");
    const bool differed = std::ranges::any_of(spreads, [](double s) { return s > 1e-6; });
    const bool is_best = differed && reward >= *std::ranges::max_element(rewards) - 1e-6;
    if (*share > 0.99 && spread < 1e-9 && is_best) {
      say("advice",
          fmt::format(
              "Every completion gets the highest reward of the run ({}): nothing is left to "
              "learn from these prompts. Read some completions: a rule that pays for too "
              "little ends so too.",
              short_number(reward)),
          "run.stop_when");
    } else if (*share > 0.99 && spread < 1e-9) {
      say("alarm",
          fmt::format("Every completion gets the same reward ({}): nothing can be learned. This is "
                      "a systematic failure, not difficulty; try the grader on a row, and look at "
                      "what it extracts.",
                      short_number(reward)),
          "rewards");
    } else {
      say("advice",
          fmt::format("{} of the groups have no signal: all their completions get one reward. Draw "
                      "others in their place, sample more of each prompt, or choose prompts that "
                      "are solved sometimes.",
                      share_text(*share)),
          "rl.dynamic_sampling.enable");
    }
  }

  void look_at_rules() {
    if (run_.metrics.empty()) return;
    for (const auto& [name, value] : run_.metrics.back().values) {
      if (!name.starts_with("rewards/") || !name.ends_with("/failed")) continue;
      const double failed = recent(name).value_or(0.0);
      const std::string rule = name.substr(8, name.size() - 8 - 7);
      if (failed < 0.5) continue;
      say("alarm",
          fmt::format("Rule {} fails on {} completions a step. These are not wrong answers: the "
                      "rule itself broke; the reasons are beside the completions.",
                      rule, short_number(failed)),
          "rewards");
    }
  }

  void look_at_numbers() {
    if (const auto lost = recent("skipped_steps/not_finite"); lost && *lost > 0.0) {
      say("alarm", "Loss or gradient was not finite in one of the last steps, which was left out.",
          "optim.lr");
    }
    if (const auto d = recent("sampling/logp_difference/mean"); d && *d > 0.05) {
      say("alarm",
          fmt::format(
              "Sampler and trainer differ by {} nats a token on average: what is learned is "
              "not what was sampled.",
              short_number(*d)),
          "model.precision");
    }
  }

  void look_at_lengths() {
    const auto share = recent("completions/clipped_ratio");
    if (!share || *share < 0.25) return;
    say("advice",
        fmt::format(
            "{} of the completions are cut off before they end, and get no answer's reward.",
            share_text(*share)),
        "rollout.max_tokens");
  }

  void look_at_exploration() {
    const auto entropy = values_of(run_, "entropy");
    if (entropy.size() >= kFewestToCompare) {
      const double begin = mean_of(entropy, 0, 3);
      const double now = mean_of(entropy, entropy.size() - 3, entropy.size());
      if (begin > 0.05 && now < 0.1 * begin) {
        say("advice",
            fmt::format("Entropy fell from {} to {} nats a token: the policy has nearly stopped to "
                        "explore.",
                        short_number(begin), short_number(now)),
            "rl.clip_ratio_high");
      }
    }
    if (const auto kl = recent("kl"); kl && *kl > 1.0) {
      say("advice",
          fmt::format("KL to the reference is {} nats a token: the policy is far from where it "
                      "began.",
                      short_number(*kl)),
          "rl.kl_coef");
    }
  }

  void look_at_trend() {
    const auto rewards = values_of(run_, "reward");
    if (rewards.size() < kFewestToCompare) {
      if (!rewards.empty())
        say("note", fmt::format("{} steps are too few to say whether it learns.", rewards.size()));
      return;
    }
    const size_t third = rewards.size() / 3;
    const double begin = mean_of(rewards, 0, third);
    const double now = mean_of(rewards, rewards.size() - third, rewards.size());
    const double noise = (deviation_of(rewards, 0, third) +
                          deviation_of(rewards, rewards.size() - third, rewards.size())) /
                         2.0 / std::sqrt(static_cast<double>(third));
    const std::string figures = fmt::format("reward {} in the first third, {} in the last",
                                            short_number(begin), short_number(now));
    if (now - begin > 2.0 * noise && now > begin) {
      say("note", "It learns: " + figures + ".");
    } else if (begin - now > 2.0 * noise) {
      say("advice", "It unlearns: " + figures + ".", "optim.lr");
    } else {
      say("advice", "It does not learn yet: " + figures + ", which is within the noise.",
          "optim.lr");
    }
  }

  const RunView& run_;
  double silent_s_;
  std::vector<Advice> advice_;
};

}  // namespace

std::vector<Advice> advice_for(const RunView& run, double silent_s) {
  auto advice = Adviser(run, silent_s).all();
  std::ranges::stable_sort(advice, {}, [](const Advice& one) {
    return one.level == "alarm" ? 0 : one.level == "advice" ? 1 : 2;
  });
  return advice;
}

}  // namespace gradus::runs
