#include <ATen/TensorOperators.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// Settings `preference.ipo.*`.
struct IpoSettings {
  bool per_token = true;
};

void describe(IpoSettings& c, SettingFields& field) {
  field("per_token", c.per_token, any(), "log ratios are means over tokens (TRL), else sums");
}

/// (x - 1 / (2 beta))^2 (IPO, arXiv:2310.12036), x of the means over tokens, or of the sums.
at::Tensor ipo_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const auto& own = config.own.of<IpoSettings>("ipo");
  const auto x_P = own.per_token ? pairs.chosen_ratio() / pairs.chosen_tokens -
                                       pairs.rejected_ratio() / pairs.rejected_tokens
                                 : pairs.difference();
  const auto gap_P = x_P - 0.5 / config.beta;
  return gap_P * gap_P;
}

}  // namespace

extern const PreferenceLoss kIpo;
const PreferenceLoss kIpo{"ipo", "a square that ends at 1 / (2 beta)",
                          [] { return OwnSettings::of(IpoSettings{}); }, ipo_terms};

}  // namespace gradus::rl
