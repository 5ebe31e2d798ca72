#include <ATen/core/grad_mode.h>

#include "base/random.h"
#include "rollout/engine/sampler.h"
#include "rollout/rollout_pool.h"
#include "tests/catch.h"
#include "tests/rollout/fake_tokenizer.h"
#include "tests/rollout/rollouts_equal.h"
#include "tests/support/fixtures.h"

using namespace gradus;
using namespace gradus::rollout;
using gradus::rollout::testing::PieceTokenizer;

namespace {

std::unique_ptr<policy::Policy> load(const std::string& name, policy::Precision precision,
                                     ThreadTeam& team) {
  policy::PolicyConfig config;
  config.path = tests::fixture("parity/" + name).string();
  config.precision = precision;
  return policy::Policy::load(config, policy::Purpose::inference, team);
}

/// Ids without text but for the last one, which is eos.
PieceTokenizer tokenizer_of(const policy::Policy& policy) {
  return PieceTokenizer(
      std::vector<std::string>(static_cast<size_t>(policy.model_config().vocab_size) - 1, "x"));
}

std::vector<RolloutRequest> make_requests(const policy::Policy& policy) {
  std::vector<RolloutRequest> requests;
  const int lengths[] = {3, 16, 29, 50};
  for (int r = 0; r < 4; ++r) {
    RolloutRequest request;
    RandomStream random(77, static_cast<uint64_t>(r));
    for (int i = 0; i < lengths[r]; ++i)
      request.prompt.tokens.push_back(
          static_cast<int32_t>(random.below(policy.model_config().vocab_size)));
    request.num_completions = 4;
    request.seed = 5;
    request.prompt_key = static_cast<uint64_t>(r);
    request.sampling.max_tokens = 24 + r;
    request.sampling.temperature = r == 1 ? 0.7 : 1.0;
    request.sampling.top_p = r == 2 ? 0.9 : 1.0;
    requests.push_back(std::move(request));
  }
  return requests;
}

/// Logprobs of a group's tokens as the trainer computes them: prompt once, completions behind it.
std::vector<float> trainer_logprobs(const policy::Policy& policy, const RolloutRequest& request,
                                    const Rollout& rollout, ThreadTeam& team) {
  policy::PackedBatch batch;
  policy::ScoreList list;
  const auto prompt = static_cast<int64_t>(request.prompt.tokens.size());
  const auto add = [&](const std::vector<int32_t>& tokens, int64_t first_place, int32_t prefix) {
    batch.segments.push_back({batch.num_rows(), static_cast<int64_t>(tokens.size()), prefix});
    for (size_t i = 0; i < tokens.size(); ++i) {
      batch.tokens.push_back(tokens[i]);
      batch.positions.push_back(static_cast<int32_t>(first_place + static_cast<int64_t>(i)));
    }
  };
  add(request.prompt.tokens, 0, -1);
  for (const auto& completion : rollout.completions) {
    const int64_t begin = batch.num_rows();
    add(completion.tokens, prompt, 0);
    for (size_t i = 0; i < completion.tokens.size(); ++i) {
      list.rows.push_back(i == 0 ? prompt - 1 : begin + static_cast<int64_t>(i) - 1);
      list.targets.push_back(completion.tokens[i]);
    }
  }
  const at::NoGradGuard no_grad;
  const auto hidden = policy.forward(batch, team);
  const auto scores = policy.score(hidden, list, scoring_temperature(request.sampling), team);
  const auto* first = scores.logprobs.const_data_ptr<float>();
  return {first, first + list.targets.size()};
}

}  // namespace

TEST_CASE("a real model's rollouts have the same bits however they were batched",
          "[rollout][parity]") {
  const std::string name =
      GENERATE("llama_gqa_tied_llama3", "qwen3_qknorm", "qwen2_sliding", "mixtral");
  const auto precision = GENERATE(policy::Precision::float32, policy::Precision::bfloat16);
  INFO(name << (precision == policy::Precision::float32 ? " float32" : " bfloat16"));
  ThreadTeam team(2);
  const auto policy = load(name, precision, team);
  const auto tokenizer = tokenizer_of(*policy);
  const auto requests = make_requests(*policy);
  RolloutConfig config;
  config.kv_cache_mb = 64;
  RolloutPool whole(*policy, tokenizer, config, 2);
  const auto expected = whole.run(requests);

  struct Variant {
    int workers, threads, max_sequences, prefill_rows;
    int64_t blocks;
  };
  const Variant variants[] = {{1, 1, 1, 1, 6},
                              {1, 2, 3, 7, 8},
                              {2, 2, 16, 512, 9},
                              {4, 4, 5, 16, 400},
                              {2, 4, 256, 512, 400}};
  const auto block_mb = static_cast<double>(policy::KvCache::bytes_per_block(
                            policy->model_config(), policy->compute_dtype())) /
                        (1 << 20);
  for (const auto& variant : variants) {
    RolloutConfig other;
    other.workers = variant.workers;
    other.max_sequences = variant.max_sequences;
    other.prefill_rows = variant.prefill_rows;
    other.kv_cache_mb = block_mb * static_cast<double>(variant.blocks * variant.workers) + 1e-9;
    RolloutPool pool(*policy, tokenizer, other, variant.threads);
    check_equal(expected, pool.run(requests));
    if (variant.blocks == 8) CHECK(pool.last_stats().preemptions > 0);
  }
}

TEST_CASE("the trainer's logprobs have the bits of the sampler's", "[rollout][parity]") {
  const std::string name =
      GENERATE("llama_gqa_tied_llama3", "qwen3_qknorm", "qwen2_sliding", "qwen2_bias");
  const auto precision = GENERATE(policy::Precision::float32, policy::Precision::bfloat16);
  INFO(name << (precision == policy::Precision::float32 ? " float32" : " bfloat16"));
  ThreadTeam team(2);
  const auto policy = load(name, precision, team);
  const auto tokenizer = tokenizer_of(*policy);
  const auto requests = make_requests(*policy);
  RolloutPool pool(*policy, tokenizer, {}, 2);
  const auto rollouts = pool.run(requests);
  for (size_t r = 0; r < requests.size(); ++r) {
    const auto scored = trainer_logprobs(*policy, requests[r], rollouts[r], team);
    std::vector<float> sampled;
    for (const auto& completion : rollouts[r].completions)
      sampled.insert(sampled.end(), completion.policy_logprobs.begin(),
                     completion.policy_logprobs.end());
    CHECK(sampled == scored);
  }
}
