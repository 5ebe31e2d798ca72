#include "rl/learn/weight_keeper.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <exception>

#include "base/process/free_memory.h"

namespace gradus::rl {
namespace {

// The copy is a convenience of stopping: it never takes what rollouts and updates may need.
constexpr int64_t kShareOfFreeMemory = 4;

}  // namespace

std::vector<at::Tensor> WeightKeeper::live() const {
  std::vector<at::Tensor> tensors;
  for (const auto& parameter : policy_.parameters()) tensors.push_back(parameter.value);
  for (const auto& buffer : policy_.buffers()) tensors.push_back(buffer.value);
  for (const auto& [name, tensor] : optimizer_.state_tensors()) tensors.push_back(tensor);
  return tensors;
}

bool WeightKeeper::fits_in_memory() const {
  int64_t bytes = 0;
  for (const auto& tensor : live()) {
    if (!tensor.is_cpu()) return false;  // a device's updates are short, its memory is not ours
    bytes += static_cast<int64_t>(tensor.nbytes());
  }
  return bytes <= free_memory_bytes() / kShareOfFreeMemory;
}

void WeightKeeper::begin(int64_t num_updates) {
  is_moved_ = false;
  has_copy_ = false;
  step_count_ = optimizer_.step_count();
  if (num_updates <= 1 || !may_copy_) return;
  const at::NoGradGuard no_grad;
  try {
    if (copies_.empty()) {
      if (!fits_in_memory()) return;
      for (const auto& tensor : live()) copies_.push_back(at::empty_like(tensor));
    }
    const auto tensors = live();
    for (size_t i = 0; i < tensors.size(); ++i) copies_[i].copy_(tensors[i]);
    has_copy_ = true;
  } catch (const std::exception&) {  // no memory after all: the step goes on without
    copies_.clear();
  }
}

void WeightKeeper::done() {
  is_moved_ = false;
  has_copy_ = false;
}

bool WeightKeeper::restore(ThreadTeam& team) {
  if (!is_moved_) return true;
  if (!has_copy_) return false;
  const at::NoGradGuard no_grad;
  const auto tensors = live();
  for (size_t i = 0; i < tensors.size(); ++i) tensors[i].copy_(copies_[i]);
  optimizer_.set_step_count(step_count_);
  policy_.publish_weights(team);
  is_moved_ = false;
  return true;
}

}  // namespace gradus::rl
