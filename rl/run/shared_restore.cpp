#include "rl/run/shared_restore.h"

#include <ATen/core/grad_mode.h>

#include <string>

#include "rl/parallel/gather.h"

namespace gradus::rl {
namespace {

void share(Communicator& ranks, const at::Tensor& tensor) {
  at::Tensor host = tensor.detach().cpu().contiguous();
  at::Tensor flat = host.view({-1});
  ranks.broadcast(flat, 0);
  if (ranks.rank() != 0 && !host.is_alias_of(tensor)) tensor.copy_(host);
}

}  // namespace

std::pair<TrainState, bool> share_restored(Communicator& ranks, std::pair<TrainState, bool> own,
                                           Learner* learner) {
  if (ranks.size() == 1) return own;
  const int64_t own_steps = learner == nullptr ? 0 : learner->optimizer().step_count();
  const std::string text = text_of_first(ranks, state_text(own.first, own_steps));
  const bool is_saved = first_rank_says(ranks, own.second);
  auto [state, steps] = read_state(text, "the state of rank 0");
  if (learner != nullptr && is_saved) {
    const at::NoGradGuard no_grad;
    for (const auto& parameter : learner->policy().parameters()) share(ranks, parameter.value);
    for (const auto& buffer : learner->policy().buffers()) share(ranks, buffer.value);
    for (const auto& [name, moment] : learner->optimizer().state_tensors()) share(ranks, moment);
    learner->optimizer().set_step_count(steps);
    if (ranks.rank() != 0) learner->policy().publish_weights(learner->team());
  }
  return {std::move(state), is_saved};
}

}  // namespace gradus::rl
