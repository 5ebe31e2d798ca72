#include "rl/algorithms/preference/preference.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/mean.h>
#include <fmt/format.h>

#include "base/error.h"

namespace gradus::rl {

at::Tensor PairInputs::chosen_ratio() const {
  return chosen - reference_chosen;
}

at::Tensor PairInputs::rejected_ratio() const {
  return rejected - reference_rejected;
}

at::Tensor PairInputs::difference() const {
  return chosen_ratio() - rejected_ratio();
}

RecordSettings default_preference_settings() {
  return RecordSettings::defaults(preference_losses());
}

void describe(PreferenceLossConfig& c, SettingFields& field) {
  field("losses", c.losses, non_empty(),
        preference_losses().described("losses whose weighted sum is trained"));
  field("weights", c.weights, any(), "of the losses, one each; empty: 1 each (MPO: 0.8, 0.2, 1)");
  field("beta", c.beta, positive(),
        "how firmly the policy is held to the reference: the reward of an answer is beta times its "
        "log ratio; with sigmoid_norm about 5");
  field("label_smoothing", c.label_smoothing, between(0.0, 0.5),
        "share of pairs that are taken to be the wrong way round");
  c.own.describe_sections(field);
}

void check(const PreferenceLossConfig& config) {
  for (const auto& name : config.losses) {
    const PreferenceLoss& loss = preference_losses().at(name);
    if (loss.needs_smoothing && config.label_smoothing <= 0.0)
      throw ConfigError(fmt::format(
          "preference.label_smoothing: is 0, must be above 0 with the loss {}; try 0.001", name));
    if (name == "robust" && config.label_smoothing >= 0.5)
      throw ConfigError(
          "preference.label_smoothing: is 0.5, must be below 0.5 with the loss robust, which "
          "divides by 1 - 2 label_smoothing");
  }
  if (!config.weights.empty() && config.weights.size() != config.losses.size())
    throw ConfigError(fmt::format("preference.weights: there are {}, must be as many as losses, {}",
                                  config.weights.size(), config.losses.size()));
}

at::Tensor preference_loss(const PairInputs& pairs, const PreferenceLossConfig& config) {
  at::Tensor sum;
  for (size_t i = 0; i < config.losses.size(); ++i) {
    const double weight = config.weights.empty() ? 1.0 : config.weights[i];
    const auto term = preference_losses().at(config.losses[i]).terms(pairs, config).mean() * weight;
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

at::Tensor negative_log_sigmoid(const at::Tensor& x) {
  return -at::log_sigmoid(x);
}

}  // namespace gradus::rl
