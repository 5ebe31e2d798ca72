#include "rl/parallel/gradient_sync.h"

namespace gradus::rl {

void sum_gradients(std::vector<policy::Parameter>& parameters, Communicator& communicator) {
  if (communicator.size() == 1) return;
  for (policy::Parameter& parameter : parameters)
    communicator.all_reduce(parameter.grad, ReduceOp::sum);
}

}  // namespace gradus::rl
