#pragma once

#include <memory>

#include "rl/algorithms/distillation/generalized_jsd.h"
#include "rl/stages/distill/distill_config.h"
#include "rl/stages/stage.h"

namespace gradus::rl {

/// What of the settings the divergence is made of.
JsdForm jsd_form(const DistillConfig& config);

/// Off-policy distillation: the responses of `data`, as supervised fine-tuning takes them (text.*),
/// but towards the teacher's whole distribution at each of their tokens.
std::unique_ptr<Stage> make_text_distillation(const RunConfig& config, Run& run, Learner& learner);

}  // namespace gradus::rl
