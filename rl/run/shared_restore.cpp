#include "rl/run/shared_restore.h"

#include <ATen/core/grad_mode.h>

#include <functional>
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

void share_moments(Communicator& ranks, Optimizer& optimizer, int64_t step,
                   const CheckpointStore& checkpoints) {
  if (!optimizer.is_shared()) {
    for (const auto& [name, moment] : optimizer.state_tensors()) share(ranks, moment);
    return;
  }
  std::function<void(const std::string&, at::Tensor&)> read;
  if (ranks.rank() == 0) read = checkpoints.moments_of(step);
  optimizer.read_shared_state(read);
}

}  // namespace

std::pair<TrainState, bool> share_restored(Communicator& ranks, std::pair<TrainState, bool> own,
                                           Learner* learner, const CheckpointStore& checkpoints) {
  if (ranks.size() == 1) return own;
  const int64_t own_steps = learner == nullptr ? 0 : learner->optimizer().step_count();
  const std::string text = text_of_first(ranks, state_text(own.first, own_steps));
  const bool is_saved = first_rank_says(ranks, own.second);
  auto [state, steps] = read_state(text, "the state of rank 0");
  if (learner != nullptr && is_saved) {
    const at::NoGradGuard no_grad;
    for (const auto& parameter : learner->policy().parameters()) share(ranks, parameter.value);
    for (const auto& buffer : learner->policy().buffers()) share(ranks, buffer.value);
    share_moments(ranks, learner->optimizer(), state.step, checkpoints);
    learner->optimizer().set_step_count(steps);
    if (ranks.rank() != 0) learner->policy().publish_weights(learner->team());
  }
  return {std::move(state), is_saved};
}

}  // namespace gradus::rl
