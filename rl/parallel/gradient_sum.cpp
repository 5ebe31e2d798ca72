#include "rl/parallel/gradient_sum.h"

#include "rl/parallel/exact_sum.h"
#include "rl/parallel/gradient_tree.h"

namespace gradus::rl {

std::unique_ptr<GradientSum> make_gradient_sum(GradientReduction reduction,
                                               std::vector<policy::Parameter>& parameters,
                                               int64_t num_leaves, Communicator& ranks) {
  if (reduction == GradientReduction::exact)
    return std::make_unique<ExactSum>(parameters, num_leaves, ranks);
  return std::make_unique<GradientTree>(parameters, num_leaves, ranks);
}

}  // namespace gradus::rl
