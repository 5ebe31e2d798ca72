#pragma once

#include <string>

#include "base/settings/setting.h"

namespace gradus::rl {

/// What the student learns from its teacher.
enum class DistillForm {
  advantage,  ///< the teacher's logprobs of sampled tokens are advantages (rl.loss trains)
  loss,       ///< they stand in the loss itself (rl.opd)
  jsd,        ///< the teacher's whole distribution at every token
};

/// Settings `distill.*`.
struct DistillConfig {
  std::string teacher;
  DistillForm form = DistillForm::advantage;
  bool on_policy = true;
  double kl_coef = 1.0;
  double discount = 0.0;
  double max_log_ratio = 20.0;
  double beta = 1.0;
  double temperature = 1.0;
  int top_k = 0;
};

void describe(DistillConfig& c, SettingFields& field);

}  // namespace gradus::rl
