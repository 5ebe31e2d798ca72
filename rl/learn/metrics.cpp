#include "rl/learn/metrics.h"

#include <algorithm>
#include <array>

namespace gradus::rl {
namespace {

using enum Reduction;

// Times of parts that run side by side end with the slowest; tokens per second add up.
constexpr std::array kMetricNames{
    MetricName{"reward", mean},
    MetricName{"reward_std", mean},
    MetricName{"frac_reward_zero_std", mean},
    MetricName{"rewards/<rule>/mean", mean},
    MetricName{"rewards/<rule>/std", mean},
    MetricName{"rewards/<rule>/failed", sum},
    MetricName{"rewards/<rule>/skipped", sum},
    MetricName{"rewards/<rule>/timed_out", sum},
    MetricName{"rewards/<rule>/clipped_share", mean},
    MetricName{"rewards/<rule>/gated_share", mean},
    MetricName{"rewards/<rule>/open_share", mean},
    MetricName{"completions/mean_length", mean},
    MetricName{"completions/min_length", min},
    MetricName{"completions/max_length", max},
    MetricName{"completions/mean_terminated_length", mean},
    MetricName{"completions/min_terminated_length", min},
    MetricName{"completions/max_terminated_length", max},
    MetricName{"completions/mean_length_better", mean},
    MetricName{"completions/mean_length_worse", mean},
    MetricName{"completions/clipped_ratio", mean},
    MetricName{"completions/failed", sum},
    MetricName{"completions/not_scored", sum},
    MetricName{"completions/duplicate_share", mean},
    MetricName{"sources/<source>/reward", mean},
    MetricName{"sources/<source>/share", mean},
    MetricName{"schedule/max_tokens", max},
    MetricName{"schedule/temperature", max},
    MetricName{"prompts/consumed", max},
    MetricName{"dynamic_sampling/rounds", max},
    MetricName{"dynamic_sampling/dropped_groups", sum},
    MetricName{"rollout/draft_acceptance", mean},
    MetricName{"rollout/tokens_per_step", mean},
    MetricName{"rewards/chosen", mean},
    MetricName{"rewards/rejected", mean},
    MetricName{"rewards/margins", mean},
    MetricName{"rewards/accuracies", mean},
    MetricName{"logps/chosen", mean},
    MetricName{"logps/rejected", mean},
    MetricName{"teacher_kl", mean},
    MetricName{"loss", mean},
    MetricName{"policy_loss", mean},
    MetricName{"perplexity", mean},
    MetricName{"kl", mean},
    MetricName{"kl_coef", max},
    MetricName{"entropy_coef", max},
    MetricName{"entropy", mean},
    MetricName{"grad_norm", mean},
    MetricName{"learning_rate", max},
    MetricName{"clip_ratio/low_mean", mean},
    MetricName{"clip_ratio/high_mean", mean},
    MetricName{"clip_ratio/region_mean", mean},
    MetricName{"clip_ratio/dropped_share", mean},
    MetricName{"skipped_steps/not_finite", max},
    MetricName{"skipped_steps/empty", max},
    MetricName{"staleness/mean", mean},
    MetricName{"staleness/max", max},
    MetricName{"mtp/loss_<k>", mean},
    MetricName{"moe/load_max_over_mean/mean", mean},
    MetricName{"moe/load_max_over_mean/max", max},
    MetricName{"moe/entropy", mean},
    MetricName{"moe/idle_share", mean},
    MetricName{"moe/balance_loss", mean},
    MetricName{"moe/replay_difference", mean},
    MetricName{"mismatch/weight_mean", mean},
    MetricName{"mismatch/masked_share", mean},
    MetricName{"mismatch/rejected_share", mean},
    MetricName{"sampling/logp_difference/mean", mean},
    MetricName{"sampling/logp_difference/max", max},
    MetricName{"sampling/k3", mean},
    MetricName{"sampling/importance_ratio/min", min},
    MetricName{"sampling/importance_ratio/mean", mean},
    MetricName{"sampling/importance_ratio/max", max},
    MetricName{"sampling/ess", mean},
    MetricName{"sampling/exact_share", mean},
    MetricName{"pairs", sum},
    MetricName{"texts", sum},
    MetricName{"texts_cut", sum},
    MetricName{"tokens", sum},
    MetricName{"num_targets", sum},
    MetricName{"num_tokens", sum},
    MetricName{"epoch", max},
    MetricName{"eval/accuracy", mean},
    MetricName{"eval/accuracy/low", mean},
    MetricName{"eval/accuracy/high", mean},
    MetricName{"eval/pass@<k>", mean},
    MetricName{"eval/maj@<k>", mean},
    MetricName{"eval/rewards/<rule>", mean},
    MetricName{"eval/rewards/<rule>/failed", sum},
    MetricName{"eval/rewards/<rule>/timed_out", sum},
    MetricName{"eval/mean_length", mean},
    MetricName{"eval/clipped_ratio", mean},
    MetricName{"eval/problems", sum},
    MetricName{"eval/skipped", sum},
    MetricName{"eval/failed", sum},
    MetricName{"eval/logps/<side>", mean},
    MetricName{"eval/loss", mean},
    MetricName{"eval/targets", sum},
    MetricName{"time/step", max},
    MetricName{"time/rollout", max},
    MetricName{"time/slowest_completion", max},
    MetricName{"time/rewards", max},
    MetricName{"time/rewards/<rule>", sum},
    MetricName{"time/update", max},
    MetricName{"time/logprobs", max},
    MetricName{"time/forward_backward", max},
    MetricName{"time/optimizer", max},
    MetricName{"time/exchange", max},
    MetricName{"time/eval", max},
    MetricName{"perf/tokens_per_s", sum},
    MetricName{"perf/rollout_gflops", sum},
    MetricName{"perf/preemptions", sum},
    MetricName{"perf/recomputed_tokens", sum},
    MetricName{"perf/decode_calls", sum},
    MetricName{"perf/failed_decode_calls", sum},
    MetricName{"perf/peak_kv_blocks", sum},
    MetricName{"perf/trained_tokens_per_s", sum},
    MetricName{"perf/update_gflops", sum},
    MetricName{"perf/peak_memory_gb", max},
};

bool matches(std::string_view pattern, std::string_view name) {
  const size_t open = pattern.find('<');
  if (open == std::string_view::npos) return pattern == name;
  const std::string_view before = pattern.substr(0, open);
  const std::string_view after = pattern.substr(pattern.find('>', open) + 1);
  if (name.size() <= before.size() + after.size()) return false;
  if (!name.starts_with(before) || !name.ends_with(after)) return false;
  const auto middle = name.substr(before.size(), name.size() - before.size() - after.size());
  return middle.find('/') == std::string_view::npos;
}

Reduction reduction_of(std::string_view name) {
  const MetricName* known = find_metric(name);
  return known == nullptr ? mean : known->reduction;
}

Metric reduced(const Metric& a, const Metric& b) {
  Metric both = a;
  both.weight = a.weight + b.weight;
  switch (a.reduction) {
    case mean:
      if (both.weight > 0.0) both.value = (a.value * a.weight + b.value * b.weight) / both.weight;
      break;
    case sum:
      both.value = a.value + b.value;
      break;
    case max:
      both.value = std::max(a.value, b.value);
      break;
    case min:
      both.value = std::min(a.value, b.value);
      break;
  }
  return both;
}

}  // namespace

std::span<const MetricName> metric_names() {
  return kMetricNames;
}

const MetricName* find_metric(std::string_view name) {
  const auto found = std::ranges::find_if(
      kMetricNames, [&](const MetricName& known) { return matches(known.pattern, name); });
  if (found != kMetricNames.end()) return &*found;
  constexpr std::string_view kEval = "eval/";
  const size_t end_of_set = name.find('/', kEval.size());
  if (!name.starts_with(kEval) || end_of_set == std::string_view::npos ||
      end_of_set == kEval.size())
    return nullptr;
  const std::string of_all = std::string(kEval) + std::string(name.substr(end_of_set + 1));
  const auto of_set = std::ranges::find_if(kMetricNames, [&](const MetricName& known) {
    return known.pattern.starts_with(kEval) && matches(known.pattern, of_all);
  });
  return of_set == kMetricNames.end() ? nullptr : &*of_set;
}

Metrics::Metrics(std::initializer_list<std::pair<const char*, double>> figures) {
  for (const auto& [name, value] : figures) (*this)[name] = value;
}

Metric& Metrics::operator[](const std::string& name) {
  const auto found = figures_.find(name);
  if (found != figures_.end()) return found->second;
  return figures_.emplace(name, Metric{0.0, 1.0, reduction_of(name)}).first->second;
}

void Metrics::set_mean(const std::string& name, double sum, double count) {
  Metric& metric = (*this)[name];
  metric.value = sum / count;
  metric.weight = count;
}

void Metrics::join(const Metrics& part) {
  for (const auto& [name, metric] : part) {
    const auto [place, is_new] = figures_.emplace(name, metric);
    if (!is_new) place->second = reduced(place->second, metric);
  }
}

}  // namespace gradus::rl
