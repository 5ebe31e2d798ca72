#include "rl/parallel/communicator.h"

#include <ATen/ops/zeros.h>

#include "rl/parallel/gradient_sync.h"
#include "tests/catch.h"
#include "tests/rl/vectors.h"

using namespace gradus;
using namespace gradus::rl;

TEST_CASE("alone, every call leaves this rank's values", "[rl][parallel]") {
  const auto ranks = alone();
  CHECK(ranks->size() == 1);
  CHECK(ranks->rank() == 0);
  at::Tensor x = floats({1.0, 2.0});
  ranks->broadcast(x, 0);
  ranks->all_reduce(x, ReduceOp::sum);
  ranks->barrier();
  CHECK(values_of(x) == std::vector<double>{1.0, 2.0});
  at::Tensor whole = at::zeros({1, 2});
  ranks->all_gather(whole, x);
  CHECK(values_of(whole) == std::vector<double>{1.0, 2.0});
  at::Tensor part = at::zeros({2});
  ranks->reduce_scatter(part, whole);
  CHECK(values_of(part) == std::vector<double>{1.0, 2.0});
  at::Tensor mine = at::zeros({1, 2});
  ranks->all_to_all(mine, whole);
  CHECK(values_of(mine) == std::vector<double>{1.0, 2.0});
}

namespace {

/// Two ranks with the same gradients, as this one sees them.
class Twins final : public Communicator {
 public:
  int size() const override { return 2; }
  int rank() const override { return 0; }
  void broadcast(at::Tensor&, int) override {}
  void all_reduce(at::Tensor& tensor, ReduceOp) override { tensor.mul_(2.0); }
  void reduce_scatter(at::Tensor&, const at::Tensor&) override {}
  void all_gather(at::Tensor&, const at::Tensor&) override {}
  void all_to_all(at::Tensor&, const at::Tensor&) override {}
  void barrier() override {}
  void abort(const std::string&) override {}
};

}  // namespace

TEST_CASE("gradients are summed over ranks, values are not", "[rl][parallel]") {
  std::vector<policy::Parameter> parameters{{"w", floats({1.0}), floats({3.0})}};
  Twins twins;
  sum_gradients(parameters, twins);
  CHECK(values_of(parameters[0].grad) == std::vector<double>{6.0});
  CHECK(values_of(parameters[0].value) == std::vector<double>{1.0});
}
