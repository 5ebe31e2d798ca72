#include <ATen/ops/allclose.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "rl/stages/text_update.h"
#include "tests/catch.h"
#include "tests/rl/tiny_policy.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

std::vector<TextExample> examples() {
  return {{{1, 2, 3, 4, 5}, {0, 0, 1, 1, 1}}, {{6, 7, 1}, {1, 1, 1}}, {{3, 3, 3, 3}, {0, 0, 0, 0}}};
}

}  // namespace

TEST_CASE("the loss on text is the mean NLL over the whole batch's targets", "[rl][text_update]") {
  TinyPolicy policy(1);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  const auto whole = update_on_text(policy, optimizer, examples(), 1000, 0.0, team);
  const auto gradients = policy.copy_gradients();
  CHECK(whole.metrics.at("num_targets") == 5.0);
  CHECK(whole.metrics.at("perplexity") == Approx(std::exp(whole.metrics.at("loss"))));
  const auto first = update_on_text(policy, optimizer, {examples()[0]}, 1000, 0.0, team);
  const auto second = update_on_text(policy, optimizer, {examples()[1]}, 1000, 0.0, team);
  CHECK(whole.metrics.at("loss") ==
        Approx((3 * first.metrics.at("loss") + 2 * second.metrics.at("loss")) / 5));

  const auto split = update_on_text(policy, optimizer, examples(), 1, 0.0, team);
  CHECK(split.metrics.at("loss") == Approx(whole.metrics.at("loss")));
  const auto split_gradients = policy.copy_gradients();
  for (size_t i = 0; i < gradients.size(); ++i) {
    CHECK(at::allclose(gradients[i], split_gradients[i], 1e-5, 1e-7));
  }
}

TEST_CASE("steps on a text lower its loss", "[rl][text_update]") {
  TinyPolicy policy(1);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  const double before =
      update_on_text(policy, optimizer, examples(), 1000, 0.05, team).metrics.at("loss");
  UpdateResult result;
  for (int i = 0; i < 20; ++i) {
    result = update_on_text(policy, optimizer, examples(), 1000, 0.05, team);
  }
  CHECK(result.metrics.at("loss") < 0.7 * before);
  CHECK(policy.version() == 21);
}

TEST_CASE("a batch without targets is a skipped step", "[rl][text_update]") {
  TinyPolicy policy(1);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  const auto result = update_on_text(policy, optimizer, {examples()[2], {}}, 1000, 0.1, team);
  CHECK(result.skipped.num_empty == 1);
  CHECK(result.skipped.reason == "no example of the batch has a target token");
  CHECK(policy.version() == 0);
  CHECK_THROWS_AS(update_on_text(policy, optimizer, {{{1, 2}, {1}}}, 1000, 0.1, team),
                  ArgumentError);
}
