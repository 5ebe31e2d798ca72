#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/settings/own_settings.h"
#include "base/settings/registry.h"
#include "base/settings/setting.h"

namespace gradus::rl {

/// Pairs of answers to one prompt, a chosen and a rejected one. Shapes: P pairs; all of one type.
/// Logprobs are sums over an answer's tokens.
struct PairInputs {
  at::Tensor chosen;              ///< [P] of the policy in training; carries the gradient
  at::Tensor rejected;            ///< [P]
  at::Tensor reference_chosen;    ///< [P] of the policy that training started from
  at::Tensor reference_rejected;  ///< [P]
  at::Tensor chosen_tokens;       ///< [P] number of tokens, at least 1
  at::Tensor rejected_tokens;     ///< [P]

  at::Tensor chosen_ratio() const;    ///< log pi(chosen) - log ref(chosen)
  at::Tensor rejected_ratio() const;  ///< the same of the rejected
  at::Tensor difference() const;      ///< x: the first less the second
};

RecordSettings default_preference_settings();

/// Settings `preference.*` that the losses read.
struct PreferenceLossConfig {
  std::vector<std::string> losses{"sigmoid"};
  std::vector<double> weights;  ///< empty: 1 each
  double beta = 0.1;
  double label_smoothing = 0.0;
  RecordSettings own = default_preference_settings();  ///< [preference.ipo] and so on
};

void describe(PreferenceLossConfig& c, SettingFields& field);

/// @throws ConfigError  an unknown loss, weights that differ from losses in number, a label
///                      smoothing that a loss cannot take.
void check(const PreferenceLossConfig& config);

/// One value of `preference.losses`. A new one is a file with its record and a line in records.inc.
struct PreferenceLoss {
  std::string_view name;
  std::string_view text;
  /// Defaults of its own settings, [preference.NAME]; null: it has none.
  OwnSettings (*own)();
  /// Terms [P] whose mean is the loss. A loss may look at all pairs at once (aot, sft).
  at::Tensor (*terms)(const PairInputs& pairs, const PreferenceLossConfig& config);
  /// Least and largest label smoothing: above, respectively below, these.
  bool needs_smoothing = false;
};

const Registry<PreferenceLoss>& preference_losses();

/// The weighted sum of the configured losses: a scalar with gradient in the policy's sums.
at::Tensor preference_loss(const PairInputs& pairs, const PreferenceLossConfig& config);

/// -log sigmoid(x), which never overflows.
at::Tensor negative_log_sigmoid(const at::Tensor& x);

}  // namespace gradus::rl
