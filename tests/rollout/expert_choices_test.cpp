#include <ATen/core/grad_mode.h>

#include "policy/ops/routing.h"
#include "rollout/rollout_pool.h"
#include "tests/catch.h"
#include "tests/policy/tiny_mixture_model.h"
#include "tests/rollout/fake_tokenizer.h"

using namespace gradus;
using namespace gradus::rollout;
using gradus::rollout::testing::PieceTokenizer;

namespace {

constexpr int64_t kVocabulary = 27;

std::vector<RolloutRequest> make_requests() {
  std::vector<RolloutRequest> requests;
  for (int key = 0; key < 5; ++key) {
    RolloutRequest request;
    for (int i = 0; i < 3 + 9 * key; ++i) request.prompt.tokens.push_back((key * 7 + i * i) % 26);
    request.num_completions = 1 + key % 3;
    request.seed = 4;
    request.prompt_key = static_cast<uint64_t>(key);
    request.sampling.max_tokens = 12 + key;
    request.keeps_experts = key != 3;
    requests.push_back(request);
  }
  return requests;
}

/// The choices of a whole sequence in one packed pass.
std::vector<uint16_t> packed_choices(const policy::Policy& policy, const Prompt& prompt,
                                     const Completion& completion, ThreadTeam& team) {
  at::NoGradGuard no_grad;
  policy::PackedBatch batch;
  for (const auto* tokens : {&prompt.tokens, &completion.tokens})
    batch.tokens.insert(batch.tokens.end(), tokens->begin(), tokens->end());
  batch.tokens.pop_back();  // the last token was not read back
  for (size_t i = 0; i < batch.tokens.size(); ++i)
    batch.positions.push_back(static_cast<int32_t>(i));
  batch.segments.push_back({0, batch.num_rows(), -1});
  policy::RoutingPass routing;
  routing.keeps_choices = true;
  batch.routing = &routing;
  policy.forward(batch, team);
  return routing.choices.experts;
}

}  // namespace

TEST_CASE("completions keep the experts of their rows, those of a packed pass",
          "[rollout][mixture]") {
  ThreadTeam team(1);
  const auto policy =
      policy::Policy::initialize({}, tiny_softmax_mixture_config(kVocabulary), 5, team);
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  const auto block_mb = static_cast<double>(policy::KvCache::bytes_per_block(
                            policy->model_config(), policy->compute_dtype())) /
                        (1 << 20);
  // Room for all, and so little that completions are preempted and computed again.
  for (const int blocks : {400, 4}) {
    RolloutConfig config;
    config.kv_cache_mb = block_mb * blocks + 1e-9;
    config.prefill_rows = 7;
    RolloutPool pool(*policy, tokenizer, config, 1);
    auto rollouts = pool.run(make_requests());
    if (blocks == 4) CHECK(pool.last_stats().preemptions > 0);
    for (const auto& rollout : rollouts) {
      for (const auto& completion : rollout.completions) {
        REQUIRE(completion.finish != FinishReason::failed);
        if (rollout.prompt.tokens.size() == 3 + 9 * 3) {
          CHECK(rollout.prompt.experts.empty());
          CHECK(completion.experts.empty());
          continue;
        }
        auto experts = rollout.prompt.experts;
        experts.insert(experts.end(), completion.experts.begin(), completion.experts.end());
        CHECK(experts == packed_choices(*policy, rollout.prompt, completion, team));
      }
    }
  }
}
