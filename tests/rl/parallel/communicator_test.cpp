#include "rl/parallel/communicator.h"

#include <ATen/ops/zeros.h>

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
  at::Tensor mine = at::zeros({2});
  const std::vector<int64_t> all{2};
  ranks->all_to_all(mine, all, x, all);
  CHECK(values_of(mine) == std::vector<double>{1.0, 2.0});
}
