#pragma once

#include <functional>
#include <span>
#include <vector>

#include "rl/algorithms/distillation/generalized_jsd.h"
#include "rl/learn/gradient_pass.h"
#include "rl/learn/pack.h"

namespace gradus::rl {

/// One optimizer step towards a teacher's whole distributions: the mean over all scored tokens of
/// the batch of the generalised Jensen-Shannon divergence. Both models' logits of a microbatch's
/// scored tokens exist at one time: several times tokens * vocabulary * 4 bytes.
///
/// Metrics: loss, grad_norm, teacher_kl (KL(student || teacher) per token, at temperature 1),
/// num_targets, and what train_on notes.
UpdateResult update_on_distributions(const TrainingStep& step, const policy::Policy& teacher,
                                     std::span<const PackItem> items, int64_t microbatch_tokens,
                                     const JsdForm& form);

}  // namespace gradus::rl
