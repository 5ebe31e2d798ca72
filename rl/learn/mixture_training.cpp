#include "rl/learn/mixture_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace gradus::rl {
namespace {

// DeepSeek-V3's, 4.2.
constexpr double kPretrainingBiasRate = 0.001;
constexpr double kPretrainingBalanceLoss = 1e-4;

void check(const MixtureConfig& config, const policy::Policy& policy, const char* where) {
  const bool has_mixtures = policy::num_mixture_layers(policy.model_config(), true) > 0;
  const auto refuse = [&](const char* key, const char* why) {
    throw ConfigError(fmt::format("{}.{}: {}; leave it out or set it to 0", where, key, why));
  };
  if (config.balance_loss.value_or(0.0) > 0.0) {
    if (!has_mixtures) refuse("balance_loss", "the model has no mixture of experts");
    if (policy.policy_config().lora.rank > 0)
      refuse("balance_loss", "with model.lora.rank above 0 the routers are frozen");
  }
  if (config.bias_rate.value_or(0.0) > 0.0) {
    if (!has_mixtures) refuse("bias_rate", "the model has no mixture of experts");
    if (policy.buffers().empty())
      refuse("bias_rate", "the model's routers have no bias (e_score_correction_bias)");
    if (policy.policy_config().lora.rank > 0)
      refuse("bias_rate", "adapters (model.lora.rank above 0) can not hold the routers' biases");
  }
}

float sign(int64_t x) {
  return x > 0 ? 1.0F : x < 0 ? -1.0F : 0.0F;
}

int64_t total_of(const policy::ExpertLoad& load) {
  return std::accumulate(load.rows.begin(), load.rows.end(), int64_t{0});
}

/// The layer in the checkpoint's count of each mixture.
std::vector<int64_t> mixture_layers(const policy::ModelConfig& model) {
  std::vector<int64_t> layers;
  for (size_t l = 0; l < model.layers.size(); ++l) {
    if (model.layers[l].ffn == policy::FfnKind::mixture_of_experts)
      layers.push_back(static_cast<int64_t>(l));
  }
  return layers;
}

}  // namespace

MixtureTraining resolve(const MixtureConfig& config, const policy::Policy& policy,
                        const char* where, bool is_pretraining) {
  check(config, policy, where);
  const bool is_default_on = is_pretraining && policy.policy_config().lora.rank == 0 &&
                             policy::num_mixture_layers(policy.model_config(), true) > 0;
  MixtureTraining resolved;
  resolved.bias_rate = config.bias_rate.value_or(
      is_default_on && !policy.buffers().empty() ? kPretrainingBiasRate : 0.0);
  resolved.balance_loss =
      config.balance_loss.value_or(is_default_on ? kPretrainingBalanceLoss : 0.0);
  return resolved;
}

MixtureStep::MixtureStep(const MixtureTraining& config, const std::vector<Microbatch>& microbatches)
    : config_(config) {
  int64_t sequences = 0;
  for (const Microbatch& microbatch : microbatches)
    sequences +=
        std::ranges::count(microbatch.batch.segments, false, &policy::Segment::is_repeated);
  pass_.measures = true;
  pass_.replays = config.replays;
  pass_.balance_weight = config.balance_loss / static_cast<double>(std::max<int64_t>(1, sequences));
}

policy::RoutingPass* MixtureStep::routing_of(const Microbatch& microbatch) {
  pass_.given = microbatch.experts.experts.empty() ? nullptr : &microbatch.experts;
  return &pass_;
}

void MixtureStep::add(const std::vector<policy::ExpertLoad>& loads) {
  add_loads(loads, loads_);
}

void MixtureStep::move_biases(policy::Policy& policy) const {
  if (config_.bias_rate == 0.0) return;
  const auto buffers = policy.buffers();
  const auto rate = static_cast<float>(config_.bias_rate);
  // A prediction module that was not trained saw no rows, and keeps its bias.
  for (size_t m = 0; m < std::min(buffers.size(), loads_.size()); ++m) {
    const policy::ExpertLoad& load = loads_[m];
    const int64_t total = total_of(load);
    if (total == 0) continue;
    const auto count = std::ssize(load.rows);
    auto bias = buffers[m].value.cpu();
    float* b = bias.mutable_data_ptr<float>();
    for (int64_t e = 0; e < count; ++e)
      b[e] += rate * sign(total - load.rows[static_cast<size_t>(e)] * count);
    if (!buffers[m].value.is_cpu()) buffers[m].value.copy_(bias);
  }
}

void add_loads(const std::vector<policy::ExpertLoad>& step, std::vector<policy::ExpertLoad>& sum) {
  if (sum.size() < step.size()) sum.resize(step.size());
  for (size_t m = 0; m < step.size(); ++m) {
    const policy::ExpertLoad& from = step[m];
    policy::ExpertLoad& to = sum[m];
    to.rows.resize(from.rows.size(), 0);
    for (size_t e = 0; e < from.rows.size(); ++e) to.rows[e] += from.rows[e];
    to.num_rows += from.num_rows;
    to.entropy_sum += from.entropy_sum;
    to.balance_loss += from.balance_loss;
    to.num_compared += from.num_compared;
    to.num_differing += from.num_differing;
  }
}

void report_loads(const std::vector<policy::ExpertLoad>& loads, const policy::ModelConfig& model,
                  double num_steps, Metrics& metrics,
                  std::map<std::string, std::vector<int64_t>>& lists) {
  const auto layers = mixture_layers(model);
  double worst = 0.0;
  double ratios = 0.0;
  double entropy = 0.0;
  double balance = 0.0;
  int64_t used = 0;
  int64_t idle = 0;
  int64_t experts = 0;
  int64_t compared = 0;
  int64_t differing = 0;
  for (size_t m = 0; m < loads.size(); ++m) {
    const policy::ExpertLoad& load = loads[m];
    if (load.num_rows == 0) continue;
    ++used;
    const double mean = static_cast<double>(total_of(load)) / static_cast<double>(load.rows.size());
    const double ratio = static_cast<double>(*std::ranges::max_element(load.rows)) / mean;
    worst = std::max(worst, ratio);
    ratios += ratio;
    entropy += load.entropy_sum / static_cast<double>(load.num_rows);
    balance += load.balance_loss;
    idle += std::ranges::count(load.rows, 0);
    experts += std::ssize(load.rows);
    compared += load.num_compared;
    differing += load.num_differing;
    lists[fmt::format("moe/load/{}", layers.at(m))] = load.rows;
  }
  if (used == 0) return;
  const auto n = static_cast<double>(used);
  metrics["moe/load_max_over_mean/mean"] = ratios / n;
  metrics["moe/load_max_over_mean/max"] = worst;
  metrics["moe/entropy"] = entropy / n;
  metrics["moe/idle_share"] = static_cast<double>(idle) / static_cast<double>(experts);
  if (balance > 0.0) metrics["moe/balance_loss"] = balance / std::max(1.0, num_steps);
  if (compared > 0)
    metrics["moe/replay_difference"] =
        static_cast<double>(differing) / static_cast<double>(compared);
}

}  // namespace gradus::rl
