// Logits that are trained through have the gradients of logprobs made of them.

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>

#include "tests/catch.h"
#include "tests/policy/tiny_latent_model.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

std::map<std::string, at::Tensor> gradients_of(Policy& policy) {
  std::map<std::string, at::Tensor> gradients;
  for (auto& parameter : policy.parameters()) {
    gradients[parameter.name] = parameter.grad.clone();
    parameter.grad.zero_();
  }
  return gradients;
}

}  // namespace

TEST_CASE("recorded logits have the bits of logits and the gradients of scores",
          "[rl][policy][logits]") {
  ThreadTeam team(2);
  for (const Compute compute : {Compute::native, Compute::reference})
    for (const int rank : {0, 2}) {
      INFO((compute == Compute::native ? "native" : "reference") << ", rank " << rank);
      PolicyConfig config;
      config.compute = compute;
      config.lora.rank = rank;
      config.lora.targets.emplace_back("lm_head");
      const auto policy = tiny_latent_policy(config, tiny_latent_config(), team);
      const auto batch = packed_of({tiny_tokens(7, 61, 1), tiny_tokens(5, 61, 2)});
      // A row that is wanted twice, as a prompt's last one is.
      const ScoreList list{{2, 4, 4, 9}, {11, 3, 60, 0}};
      const auto slopes = at::linspace(-1, 2, 4);

      const auto scores = policy->score(policy->forward(batch, team), list, 1.0, team);
      torch::autograd::backward({(scores.logprobs * slopes).sum()}, {});
      const auto wanted = gradients_of(*policy);

      const auto hidden = policy->forward(batch, team);
      const auto logits = policy->recorded_logits(hidden, list.rows, team);
      CHECK(at::equal(logits.detach(), policy->logits(hidden.detach(), list.rows, team)));
      const auto targets = at::tensor(list.targets, at::kLong).unsqueeze(1);
      const auto logprobs = at::log_softmax(logits, -1).gather(1, targets).squeeze(1);
      torch::autograd::backward({(logprobs * slopes).sum()}, {});
      for (const auto& [name, gradient] : gradients_of(*policy)) {
        INFO(name);
        const double scale = std::max(1.0, wanted.at(name).abs().max().item<double>());
        CHECK((gradient - wanted.at(name)).abs().max().item<double>() < 1e-5 * scale);
      }
    }
}
