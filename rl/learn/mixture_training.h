#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/settings/setting.h"
#include "policy/ops/routing.h"
#include "policy/policy.h"
#include "rl/learn/metrics.h"
#include "rl/learn/pack.h"

namespace gradus::rl {

/// Settings `rl.moe.*` and `text.moe.*`: how the load of a mixture's experts is kept even.
struct MixtureConfig {
  std::optional<double> bias_rate;
  std::optional<double> balance_loss;
};

template <class Field>
void describe(MixtureConfig& c, Field&& field) {
  field("bias_rate", c.bias_rate, at_least(0.0),
        "after each step a router's choice bias rises by this for experts with less than the mean "
        "load and falls for those with more; 0: frozen; none: 0.001 in pre-training, else 0");
  field("balance_loss", c.balance_loss, at_least(0.0),
        "weight of the sequence-wise balance loss; none: 0.0001 in pre-training, else 0");
}

/// The same, resolved for one model and task.
struct MixtureTraining {
  double bias_rate = 0.0;     ///< 0: biases are frozen
  double balance_loss = 0.0;  ///< alpha
  bool replays = false;       ///< the sampler's choices are obeyed where they were kept
};

/// @param where           of the settings, "rl.moe" or "text.moe".
/// @param is_pretraining  decides what settings that are absent mean.
/// @throws gradus::ConfigError  a setting above 0 that the model can not follow.
MixtureTraining resolve(const MixtureConfig& config, const policy::Policy& policy,
                        const char* where, bool is_pretraining);

/// The mixtures' side of one optimizer step:
///
///   loss      + balance_loss / sequences * sum over layers and sequences of sum_i f_i P_i
///             (DeepSeek-V3, arXiv:2412.19437, 2.1.2), in the gradient alone
///   biases    b_i += bias_rate * sign(mean(c) - c_i) after the step, with c_i the rows that the
///             step sent to expert i over all its microbatches (Wang et al., arXiv:2408.15664)
class MixtureStep {
 public:
  MixtureStep(const MixtureTraining& config, const std::vector<Microbatch>& microbatches);

  /// The routing of one microbatch, which the pass's batch points at until its backward pass is
  /// done.
  policy::RoutingPass* routing_of(const Microbatch& microbatch);
  /// The loads of the microbatch whose passes are done.
  std::vector<policy::ExpertLoad> take_loads() { return std::exchange(pass_.loads, {}); }
  /// Takes a microbatch's loads into the step's; in the microbatches' order.
  void add(const std::vector<policy::ExpertLoad>& loads);

  /// Moves the biases by the loads of the step.
  void move_biases(policy::Policy& policy) const;

  const std::vector<policy::ExpertLoad>& loads() const { return loads_; }

 private:
  MixtureTraining config_;
  policy::RoutingPass pass_;
  std::vector<policy::ExpertLoad> loads_;  ///< of the step
};

/// Adds a step's loads to those of an update.
void add_loads(const std::vector<policy::ExpertLoad>& step, std::vector<policy::ExpertLoad>& sum);

/// Figures over the layers of a model with mixtures: "moe/load_max_over_mean/mean" and "/max",
/// "moe/entropy", "moe/idle_share", with balance loss "moe/balance_loss", with kept choices
/// "moe/replay_difference"; and, as lists, "moe/load/N": rows sent to each expert of layer N.
void report_loads(const std::vector<policy::ExpertLoad>& loads, const policy::ModelConfig& model,
                  double num_steps, Metrics& metrics,
                  std::map<std::string, std::vector<int64_t>>& lists);

}  // namespace gradus::rl
