#include "rl/plan/stage_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/quantity.h"
#include "policy/formats/expected_tensors.h"
#include "rl/learn/work_model.h"
#include "rl/plan/cluster_plan.h"

namespace gradus::rl {
namespace {

/// The recipe on the machine that plans, one device.
class LocalPlan {
 public:
  LocalPlan(const StagePlanInput& input, const PlanBasis& basis,
            const std::optional<StageRates>& rates)
      : in_(input), basis_(basis), work_(input.model, input.policy), rates_(rates) {
    if (!rates_ && !basis.machine)
      throw ConfigError(
          "plan: this machine was not measured; run `gradus plan RECIPE --calibrate`");
    plan_.name = input.name;
    plan_.kind = input.kind;
    plan_.devices = static_cast<double>(basis.cluster.devices);
    plan_.disk_bytes = input.disk_bytes;
    plan_.limited_by = "compute";
  }

  StagePlan make() {
    say_basis();
    find_lengths();
    const double update_flops = update_flops_per_step();
    const double rollout_flops = rollout_flops_of(in_.prompts_per_step, in_.group_size, length_);
    const double rewards_s = rates_ ? rates_->rewards_s * in_.completions_per_step() : 0.0;
    const double idle_s = rates_ ? rates_->idle_s : 0.0;
    add("load", rates_ ? rates_->load_s : 0.0);
    const double rollout_s = rollout_seconds(rollout_flops);
    add("rollout", in_.steps * rollout_s);
    add("rewards", in_.steps * rewards_s);
    add("update", in_.steps * update_flops / update_rate());
    add("idle", in_.steps * idle_s);
    plan_.step_s = rollout_s + rewards_s + update_flops / update_rate() + idle_s;
    plan_.flops = in_.steps * (rollout_flops + update_flops);
    plan_.sampled_tokens = in_.steps * in_.completions_per_step() * length_;
    plan_.trained_tokens = in_.steps * trained_per_step();
    const double tokens = std::max(plan_.trained_tokens, plan_.sampled_tokens);
    plan_.flops_per_token = tokens > 0.0 ? plan_.flops / tokens : 0.0;
    evaluations();
    add("save", rates_ ? in_.checkpoints * rates_->save_s + rates_->final_s : 0.0);
    for (const auto& [part, seconds] : plan_.seconds) plan_.wall_s += seconds;
    memory();
    const double price = basis_.cluster.price >= 0.0 ? basis_.cluster.price : in_.price_per_hour;
    if (price > 0.0) plan_.money = plan_.device_hours() * price;
    return std::move(plan_);
  }

 private:
  const PlanAssumptions& assumed() const { return basis_.assumptions; }
  void add(const char* part, double seconds) {
    if (seconds > 0.0) plan_.seconds.emplace_back(part, seconds);
  }

  void say_basis() {
    if (rates_) {
      plan_.assumptions.push_back(
          fmt::format("rates, lengths and memory of a trial of this stage here, {} ago",
                      duration_text(rates_->age_s)));
      return;
    }
    plan_.assumptions.push_back(fmt::format(
        "not measured (--calibrate): update_efficiency = {:.3g} and rollout_efficiency = {:.3g} of "
        "{}/s, measured {} ago; start-up, grading and saving are left out",
        assumed().update_efficiency, assumed().rollout_efficiency,
        flops_text(basis_.machine->peak(in_.policy.precision)),
        duration_text(basis_.machine->age_s)));
  }

  void find_lengths() {
    prompt_ = in_.prompt_tokens > 0.0 ? in_.prompt_tokens : assumed().prompt_tokens;
    length_ = in_.first_tokens > 0.0 ? in_.first_tokens : assumed().length_share * in_.max_tokens;
    if (rates_ && rates_->prompt_tokens > 0.0) prompt_ = rates_->prompt_tokens;
    if (rates_ && rates_->completion_tokens > 0.0)
      length_ = std::min(rates_->completion_tokens, in_.max_tokens);
    else if (in_.max_tokens > 0.0)
      plan_.assumptions.push_back(
          fmt::format("completions of {:.0f} tokens, prompts of {:.0f}", length_, prompt_));
  }

  double peak() const { return basis_.machine ? basis_.machine->peak(in_.policy.precision) : 0.0; }
  double update_rate() const {
    if (rates_ && rates_->update_flops_s > 0.0) return rates_->update_flops_s;
    return std::max(1.0, peak() * assumed().update_efficiency);
  }
  double rollout_rate() const {
    if (rates_ && rates_->rollout_flops_s > 0.0) return rates_->rollout_flops_s;
    return std::max(1.0, peak() * assumed().rollout_efficiency);
  }

  double rollout_flops_of(double prompts, double samples, double length) const {
    if (prompts <= 0.0 || length <= 0.0) return 0.0;
    const auto prompt = static_cast<int64_t>(prompt_);
    const auto tokens = std::max<int64_t>(1, static_cast<int64_t>(length + 0.5));
    return prompts * work_.decode(0, prompt, 1) +
           prompts * samples * work_.decode(prompt, tokens - 1, tokens - 1);
  }

  /// A trial's own count, where there was one: it knows what a step leaves out.
  double update_flops_per_step() const {
    if (in_.work == StagePlanInput::Work::sampling || in_.work == StagePlanInput::Work::none)
      return 0.0;
    if (rates_ && rates_->update_flops > 0.0) return rates_->update_flops;
    if (in_.work == StagePlanInput::Work::text) {
      const auto length = std::max<int64_t>(2, static_cast<int64_t>(in_.sequence_length));
      double each = work_.training(0, length - 1, length - 1);
      if (in_.trains_prediction && in_.model.num_mtp_layers > 0 && length > 2)
        each += work_.prediction_training(0, length - 2, length - 2, true);
      return each * in_.tokens_per_step / static_cast<double>(length);
    }
    const auto prompt = static_cast<int64_t>(prompt_);
    const auto tokens = std::max<int64_t>(1, static_cast<int64_t>(length_ + 0.5));
    const double completions = in_.completions_per_step();
    const double trained = in_.prompts_per_step * work_.training(0, prompt, 0) +
                           completions * work_.training(prompt, tokens - 1, tokens);
    const double scored = in_.prompts_per_step * work_.forward(0, prompt, 0) +
                          completions * work_.forward(prompt, tokens - 1, tokens);
    return in_.epochs * trained + in_.scored_passes * scored;
  }

  /// Without a trial the longer of computing and of reading the weights once per token.
  double rollout_seconds(double flops) {
    const double compute = flops / rollout_rate();
    if (rates_ || flops <= 0.0 || basis_.machine->memory_rate <= 0.0) return compute;
    const auto count = policy::count_parameters(in_.model);
    const double element = in_.policy.precision == policy::Precision::bfloat16 ? 2.0 : 4.0;
    const double reading =
        length_ * element * static_cast<double>(count.active) / basis_.machine->memory_rate;
    if (reading > compute) plan_.limited_by = "memory";
    return std::max(compute, reading);
  }

  double trained_per_step() const {
    if (rates_ && rates_->trained_tokens > 0.0) return rates_->trained_tokens;
    if (in_.work == StagePlanInput::Work::text) return in_.tokens_per_step;
    if (in_.work != StagePlanInput::Work::rl) return 0.0;
    return in_.epochs * (in_.prompts_per_step * prompt_ + in_.completions_per_step() * length_);
  }

  void evaluations() {
    if (in_.evaluations <= 0.0 || in_.eval_completions <= 0.0) return;
    const double share = in_.max_tokens > 0.0 ? length_ / in_.max_tokens : assumed().length_share;
    const double length = share * in_.eval_max_tokens;
    const double flops = rollout_flops_of(in_.eval_completions, 1.0, length);
    double seconds = flops / rollout_rate();
    if (rates_) seconds += rates_->rewards_s * in_.eval_completions;
    if (rates_ && rates_->evaluate_s > 0.0) seconds = rates_->evaluate_s;
    add("evaluate", in_.evaluations * seconds);
    plan_.flops += in_.evaluations * flops;
    plan_.sampled_tokens += in_.evaluations * in_.eval_completions * length;
  }

  void memory() {
    if (rates_ && rates_->peak_memory > 0.0) {
      plan_.memory = {{"measured in the trial", rates_->peak_memory}};
      return;
    }
    for (const auto& [part, bytes] : in_.memory)
      plan_.memory.emplace_back(part, static_cast<double>(bytes));
  }

  const StagePlanInput& in_;
  const PlanBasis& basis_;
  WorkModel work_;
  const std::optional<StageRates>& rates_;
  StagePlan plan_;
  double prompt_ = 0.0;
  double length_ = 0.0;
};

}  // namespace

double StagePlan::memory_per_device() const {
  double sum = 0.0;
  for (const auto& [part, bytes] : memory) sum += bytes;
  return sum;
}

StagePlan plan_stage(const StagePlanInput& input, const PlanBasis& basis,
                     const std::optional<StageRates>& rates) {
  if (!basis.cluster.is_this()) return plan_on_cluster(input, basis);
  return LocalPlan(input, basis, rates).make();
}

}  // namespace gradus::rl
