#include "rl/algorithms/losses/policy_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sum.h>

#include <cmath>
#include <vector>

#include "tests/catch.h"
#include "tests/rl/vectors.h"

using namespace gradus::rl;

namespace {

/// Tokens with these ratios, old logprobs -1; all of one completion unless told.
LossInputs tokens(const std::vector<double>& ratios, const std::vector<double>& advantages) {
  std::vector<double> logprobs;
  for (const double r : ratios) logprobs.push_back(std::log(r) - 1.0);
  LossInputs in;
  in.logprobs = floats(logprobs).set_requires_grad(true);
  in.old_logprobs = floats(std::vector<double>(ratios.size(), -1.0));
  in.advantages = floats(advantages);
  in.is_live = at::ones({static_cast<int64_t>(ratios.size())}, at::kBool);
  in.sequence = integers(std::vector<int64_t>(ratios.size(), 0));
  in.num_sequences = 1;
  return in;
}

void check_vector(const at::Tensor& tensor, const std::vector<double>& expected) {
  const auto values = values_of(tensor);
  REQUIRE(values.size() == expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    INFO("element " << i);
    CHECK(values[i] == Approx(expected[i]).epsilon(2e-6).margin(1e-6));
  }
}

/// Losses and d(sum of losses)/d(logprobs).
void check_loss(const LossInputs& in, const LossTerms& terms, const std::vector<double>& loss,
                const std::vector<double>& gradient) {
  check_vector(terms.loss, loss);
  terms.loss.sum().backward();
  check_vector(in.logprobs.grad(), gradient);
}

LossTerms loss_of(const char* name, const LossInputs& in, const AlgorithmConfig& config) {
  return policy_losses().at(name).terms(in, config);
}

}  // namespace

TEST_CASE("the clipped loss holds back tokens that moved with their advantage",
          "[rl][policy_loss]") {
  const auto in = tokens({1.0, 1.5, 0.5, 0.5, 1.5}, {2.0, 1.0, 1.0, -1.0, -1.0});
  const auto terms = loss_of("grpo", in, {});
  check_loss(in, terms, {-2.0, -1.2, -0.5, 0.8, 1.5}, {-2.0, 0.0, -0.5, 0.0, 1.5});
  check_vector(terms.is_clipped_high, {0, 1, 0, 0, 0});
  check_vector(terms.is_clipped_low, {0, 0, 0, 1, 0});
}

TEST_CASE("clip-higher gives positive advantages more room", "[rl][policy_loss]") {
  AlgorithmConfig config;
  config.clip_ratio_high = 0.28;
  const auto in = tokens({1.25, 1.5}, {1.0, 1.0});
  check_loss(in, loss_of("grpo", in, config), {-1.25, -1.28}, {-1.25, 0.0});
}

TEST_CASE("dual clip bounds the loss of negative advantages", "[rl][policy_loss]") {
  AlgorithmConfig config;
  config.dual_clip = 3.0;
  const auto in = tokens({5.0, 2.0, 5.0}, {-1.0, -1.0, 1.0});
  check_loss(in, loss_of("grpo", in, config), {3.0, 2.0, -1.2}, {0.0, 2.0, 0.0});
}

TEST_CASE("delta caps the unclipped ratio", "[rl][policy_loss]") {
  AlgorithmConfig config;
  config.delta = 2.0;
  const auto in = tokens({5.0, 1.9}, {-1.0, -1.0});
  check_loss(in, loss_of("grpo", in, config), {2.0, 1.9}, {0.0, 1.9});
}

TEST_CASE("on policy the clipped loss has the policy gradient", "[rl][policy_loss]") {
  for (const PolicyLoss* loss : policy_losses().records()) {
    INFO(loss->name);
    auto in = tokens({1.0, 1.0}, {0.5, -2.0});
    if (loss->name == "opd") continue;  // of a teacher, not of advantages
    // Ratios of whole completions: each token is one.
    if (loss->name == "gmpo" || loss->name == "sequence_clip") {
      in.sequence = integers({0, 1});
      in.num_sequences = 2;
    }
    in.entropies = floats({1.0, 1.0});
    AlgorithmConfig config;
    if (loss->name == "vespo")  // its weight of an unmoved completion is e^(lambda - lambda)
      in.mismatch_weights = floats({1.0, 1.0});
    if (loss->name == "dro") in.old_logprobs = in.logprobs.detach();
    const auto terms = loss->terms(in, config);
    terms.loss.sum().backward();
    check_vector(in.logprobs.grad(), {-0.5, 2.0});
  }
}

TEST_CASE("GSPO gives each token the completion's mean ratio", "[rl][policy_loss]") {
  AlgorithmConfig config;
  config.clip_ratio_low = 0.9;
  config.clip_ratio_high = 9.0;
  auto in = tokens({2.0, 8.0, 3.0, 0.5}, {1.0, 1.0, -1.0, -1.0});
  in.sequence = integers({0, 0, 1, 1});
  in.num_sequences = 2;
  const double s0 = 4.0;
  const double s1 = std::sqrt(1.5);
  check_loss(in, loss_of("gspo", in, config), {-s0, -s0, s1, s1}, {-s0, -s0, s1, s1});
}

TEST_CASE("GSPO takes the mean over live tokens and clips whole completions", "[rl][policy_loss]") {
  auto in = tokens({2.0, 1000.0, 2.0}, {1.0, 1.0, 1.0});
  in.is_live = integers({1, 0, 1}).to(at::kBool);
  const auto terms = loss_of("gspo", in, {});
  const auto loss = values_of(terms.loss);
  CHECK(loss[0] == Approx(-1.2));
  CHECK(loss[2] == Approx(-1.2));
  CHECK(values_of(terms.is_clipped_high)[0] == 1.0);
}

TEST_CASE("CISPO clips the weight and keeps every token's gradient", "[rl][policy_loss]") {
  const auto in = tokens({5.0, 0.1, 1.1}, {1.0, 1.0, -2.0});
  const auto lp = values_of(in.logprobs);
  check_loss(in, loss_of("cispo", in, {}), {-1.2 * lp[0], -0.8 * lp[1], 2.2 * lp[2]},
             {-1.2, -0.8, 2.2});
}

TEST_CASE("SAPO's gate follows the sign of the advantage", "[rl][policy_loss]") {
  const auto in = tokens({2.0, 2.0}, {1.0, -1.0});
  const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  const double p = sigmoid(1.0);
  const double n = sigmoid(1.05);
  check_loss(in, loss_of("sapo", in, {}), {-4.0 * p, 4.0 / 1.05 * n},
             {-4.0 * p * (1 - p) * 2.0, 4.0 * n * (1 - n) * 2.0});
}

TEST_CASE("a token that is not live may be infinitely far off", "[rl][policy_loss]") {
  auto in = tokens({1.0, 1.0}, {1.0, 1.0});
  in.old_logprobs = floats({-1.0, -INFINITY});
  in.is_live = integers({1, 0}).to(at::kBool);
  const auto terms = loss_of("grpo", in, {});
  terms.loss.sum().backward();
  check_vector(in.logprobs.grad(), {-1.0, 0.0});
}
