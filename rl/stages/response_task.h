#pragma once

#include "rl/stages/text_stage.h"

namespace gradus::rl {

/// The texts of supervised training on responses: those of `data`, and of text.eval_path where
/// there is one. Tells the run of what is left out.
TextTask make_response_task(const RunConfig& config, Run& run, Learner& learner);

}  // namespace gradus::rl
