#include "rl/plan/cluster_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "policy/formats/expected_tensors.h"
#include "rl/learn/flops.h"

namespace gradus::rl {
namespace {

constexpr double kLongTexts = 8192.0;
constexpr int kCurvePieces = 16;  // of a stage, as its completions grow

double with_fallback(double value, double fallback) {
  return value > 0.0 ? value : fallback;
}

/// Forward FLOPs of the places [first, first + length) of a sequence.
double forward_of(const policy::ModelConfig& model, double first, double length) {
  return forward_flops(model, static_cast<int64_t>(first), static_cast<int64_t>(length));
}

/// One device's work and the rates at which it is done.
class ClusterPlan {
 public:
  ClusterPlan(const StagePlanInput& input, const PlanBasis& basis)
      : in_(input),
        c_(basis.cluster),
        a_(basis.assumptions),
        kind_(device_kinds().at(basis.cluster.kind)) {
    plan_.name = input.name;
    plan_.kind = input.kind;
    plan_.devices = static_cast<double>(c_.devices);
    plan_.disk_bytes = input.disk_bytes;
  }

  StagePlan make() {
    if (in_.work == StagePlanInput::Work::text) text();
    if (in_.work == StagePlanInput::Work::rl || in_.work == StagePlanInput::Work::sampling)
      rollouts();
    if (in_.work != StagePlanInput::Work::none) memory();
    evaluations();
    double wall = 0.0;
    for (const auto& [part, seconds] : plan_.seconds) wall += seconds;
    plan_.wall_s = wall;
    price();
    return std::move(plan_);
  }

 private:
  double all_flops_s(double mfu) const { return plan_.devices * kind_.bf16 * mfu; }
  void add(const char* part, double seconds) {
    if (seconds > 0.0) plan_.seconds.emplace_back(part, seconds);
  }
  void assume(std::string text) { plan_.assumptions.push_back(std::move(text)); }

  void text() {
    const bool is_pretraining = in_.kind == "pretrain";
    const bool is_long = in_.sequence_length > kLongTexts;
    const double mfu = !is_pretraining ? a_.mfu_post : is_long ? a_.mfu_long : a_.mfu;
    const char* name = !is_pretraining ? "mfu_post" : is_long ? "mfu_long" : "mfu";
    const double tokens = in_.steps * in_.tokens_per_step;
    plan_.trained_tokens = tokens;
    plan_.flops_per_token = 3.0 * forward_flops_per_token(in_.model, in_.sequence_length);
    plan_.flops = tokens * plan_.flops_per_token;
    assume(fmt::format("{} = {:.3g} of {:.4g} TFLOP/s (BF16); {:.0f} tokens a sequence", name, mfu,
                       kind_.bf16 / 1e12, in_.sequence_length));
    const double compute = plan_.flops / all_flops_s(mfu);
    const double network = network_seconds(tokens, compute);
    const double weights = weight_seconds(tokens);
    add("update", std::max({compute, network, weights}));
    plan_.limited_by = network > compute ? "network" : weights > compute ? "memory" : "compute";
    plan_.step_s = in_.steps > 0.0 ? std::max({compute, network, weights}) / in_.steps : 0.0;
    const double pipelines = plan_.devices / static_cast<double>(c_.pp * c_.tp);
    plan_.bubble_share = bubble_share(c_, in_.tokens_per_step / pipelines / a_.micro_batch_tokens);
  }

  /// Seconds that expert traffic takes at the network's rate; it must hide behind computing.
  double network_seconds(double tokens, double compute_s) {
    plan_.all_to_all_bytes = all_to_all_bytes(in_.model, c_, a_);
    if (plan_.all_to_all_bytes <= 0.0) return 0.0;
    const double bytes = tokens / plan_.devices * plan_.all_to_all_bytes * a_.remote_share;
    const double seconds = bytes / kind_.network;
    plan_.network_share = compute_s > 0.0 ? seconds / compute_s : 0.0;
    return seconds;
  }

  /// Seconds to read the held weights three times per micro-batch.
  double weight_seconds(double tokens) const {
    const auto [experts, others] = expert_and_other_parameters(in_.model);
    const double held =
        experts / static_cast<double>(c_.ep * c_.pp) + others / static_cast<double>(c_.pp * c_.tp);
    const double micro_batches =
        tokens / plan_.devices * static_cast<double>(c_.pp * c_.tp) / a_.micro_batch_tokens;
    return 3.0 * 2.0 * held * micro_batches / kind_.memory_rate;
  }

  /// Tokens that one device decodes in a second, `sequences` at a time at `context` places.
  double decode_rate(double sequences, double context) const {
    const double per_token = forward_of(in_.model, context, 1.0);
    const double by_compute = kind_.bf16 * a_.mfu_decode / per_token;
    const auto count = policy::count_parameters(in_.model);
    const double weights = 2.0 * static_cast<double>(count.total()) /
                           std::max(1.0, std::min<double>(plan_.devices, 144.0));
    const auto cache =
        static_cast<double>(policy::kv_bytes_per_token(in_.model, policy::DType::BF16));
    const double bytes = weights + sequences * context * cache;
    return std::min(by_compute, sequences * kind_.memory_rate * a_.decode_bandwidth / bytes);
  }

  void rollouts() {
    const bool trains = in_.work == StagePlanInput::Work::rl;
    const double prompt = with_fallback(in_.prompt_tokens, a_.prompt_tokens);
    const double first = with_fallback(in_.first_tokens, a_.length_share * in_.max_tokens);
    const double last = with_fallback(in_.last_tokens, first);
    const double per_rollout = in_.completions_per_step() * in_.steps_per_rollout;
    const double num_rollouts = in_.steps / in_.steps_per_rollout;
    assume(
        fmt::format("completions grow from {:.0f} to {:.0f} tokens, linear; the longest {:.3g} "
                    "times the mean, at most {:.0f}",
                    first, last, a_.tail, in_.max_tokens));
    assume(
        fmt::format("mfu_post = {:.3g}, mfu_decode = {:.3g}, {:.3g} tokens/s of one completion "
                    "alone, {:.0f} completions a rollout",
                    a_.mfu_post, a_.mfu_decode, a_.tokens_per_s_user, per_rollout));
    double generated_s = 0.0;
    double tail_s = 0.0;
    double update_s = 0.0;
    const double pieces = kCurvePieces;
    for (int i = 0; i < kCurvePieces; ++i) {
      const double mean = first + (last - first) * (i + 0.5) / pieces;
      const double rollouts = num_rollouts / pieces;
      const double rate =
          decode_rate(std::max(1.0, per_rollout / plan_.devices), prompt + mean / 2);
      const double generate = per_rollout * mean / (plan_.devices * rate);
      const double longest = std::min(in_.max_tokens, a_.tail * mean) / a_.tokens_per_s_user;
      generated_s += rollouts * generate;
      tail_s += rollouts * std::max(0.0, longest - generate);
      plan_.sampled_tokens += rollouts * per_rollout * mean;
      update_s += rollouts * update_seconds(per_rollout, prompt, mean, rollouts, trains);
    }
    add("rollout", generated_s);
    add("tail", tail_s);
    add("rewards", num_rollouts * a_.rewards_s);
    add("update", update_s);
    if (trains) add("sync", num_rollouts * a_.sync_s);
    plan_.limited_by = tail_s > generated_s + update_s ? "tail" : "compute";
    double sum = 0.0;
    for (const auto& [part, seconds] : plan_.seconds) sum += seconds;
    plan_.step_s = in_.steps > 0.0 ? sum / in_.steps : 0.0;
    const double tokens = trains ? plan_.trained_tokens : plan_.sampled_tokens;
    plan_.flops_per_token = tokens > 0.0 ? plan_.flops / tokens : 0.0;
  }

  /// Of one rollout's updates and scoring; its FLOPs, and those of sampling, are noted.
  double update_seconds(double completions, double prompt, double mean, double rollouts,
                        bool trains) {
    const double prefill = completions / in_.group_size * forward_of(in_.model, 0.0, prompt);
    const double once = prefill + completions * forward_of(in_.model, prompt, mean);
    const double passes = trains ? 3.0 * in_.epochs + in_.scored_passes : 0.0;
    plan_.flops += rollouts * once * (1.0 + passes);
    if (trains) plan_.trained_tokens += rollouts * completions * mean * in_.epochs;
    return passes * once / all_flops_s(a_.mfu_post);
  }

  void evaluations() {
    if (in_.evaluations <= 0.0 || in_.eval_completions <= 0.0) return;
    const double mean = a_.length_share * in_.eval_max_tokens;
    const double prompt = with_fallback(in_.prompt_tokens, a_.prompt_tokens);
    const double rate =
        decode_rate(std::max(1.0, in_.eval_completions / plan_.devices), prompt + mean / 2);
    const double generate = in_.eval_completions * mean / (plan_.devices * rate);
    const double longest = in_.eval_max_tokens / a_.tokens_per_s_user;
    add("evaluate", in_.evaluations * std::max(generate, longest));
    plan_.sampled_tokens += in_.evaluations * in_.eval_completions * mean;
    plan_.flops += in_.evaluations * in_.eval_completions *
                   (forward_of(in_.model, 0.0, prompt) + forward_of(in_.model, prompt, mean));
  }

  void memory() {
    if (in_.work == StagePlanInput::Work::sampling) {
      const auto count = policy::count_parameters(in_.model);
      const double weights = 2.0 * static_cast<double>(count.total()) / plan_.devices;
      plan_.memory = {{"weights", weights}, {"cache", kind_.memory * 0.9 - weights}};
      return;
    }
    plan_.memory = training_memory(in_, c_, a_);
  }

  void price() {
    double price = c_.price >= 0.0 ? c_.price : in_.price_per_hour;
    if (c_.price < 0.0 && price <= 0.0) price = kind_.price;
    if (price > 0.0) plan_.money = plan_.device_hours() * price;
  }

  const StagePlanInput& in_;
  const Cluster& c_;
  const PlanAssumptions& a_;
  const DeviceKind& kind_;
  StagePlan plan_;
};

}  // namespace

double forward_flops_per_token(const policy::ModelConfig& model, double length) {
  const double places = std::max(1.0, length);
  return forward_of(model, 0.0, places) / std::floor(places);
}

StagePlan plan_on_cluster(const StagePlanInput& input, const PlanBasis& basis) {
  return ClusterPlan(input, basis).make();
}

}  // namespace gradus::rl
