#include "rollout/rollout_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/rollout/fake_policy.h"
#include "tests/rollout/fake_tokenizer.h"
#include "tests/rollout/rollouts_equal.h"

using namespace gradus;
using namespace gradus::rollout;
using gradus::rollout::testing::HashPolicy;
using gradus::rollout::testing::PieceTokenizer;

namespace {

RolloutRequest pool_request(int key, int prompt_tokens, int max_tokens) {
  RolloutRequest request;
  for (int i = 0; i < prompt_tokens; ++i) request.prompt.tokens.push_back((key * 5 + i) % 26);
  request.num_completions = 3;
  request.prompt_key = static_cast<uint64_t>(key);
  request.sampling.max_tokens = max_tokens;
  return request;
}

double pool_megabytes(const policy::Policy& policy, int64_t blocks) {
  const auto bytes = policy::KvCache::bytes_per_block(policy.model_config(), policy.compute_dtype(),
                                                      policy::CachedLayers::model);
  return static_cast<double>(blocks * bytes) / (1 << 20) + 1e-9;
}

/// Leaves this process only so much more address space, as long as it lives.
class LittleAddressSpace {
 public:
  explicit LittleAddressSpace(rlim_t more) {
    ::getrlimit(RLIMIT_AS, &before_);
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit less{pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more,
                      before_.rlim_max};
    ::setrlimit(RLIMIT_AS, &less);
  }
  ~LittleAddressSpace() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a run that gets too few threads ends with an error and does not hang", "[rollout]") {
  const HashPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  RolloutConfig config;
  config.workers = 64;
  RolloutPool pool(policy, tokenizer, config, 1);
  std::vector<RolloutRequest> requests;
  for (int i = 0; i < 200; ++i) requests.push_back(pool_request(i, 5, 10));
  {
    const LittleAddressSpace limit(rlim_t{100} << 20);  // a thread's stack takes 8 MiB
    CHECK_THROWS_WITH(pool.run(requests), Catch::Contains("rollout.workers: the system gave") &&
                                              Catch::Contains("ask for fewer"));
  }
  for (const auto& rollout : pool.run(requests))
    for (const auto& completion : rollout.completions) CHECK(is_trainable(completion));
}

TEST_CASE("a request that fits the whole cache is answered whatever the number of workers",
          "[rollout]") {
  const HashPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  RolloutConfig config;
  config.kv_cache_mb = pool_megabytes(policy, 12);
  std::vector<RolloutRequest> requests;
  // One of five blocks, one of eleven, and one of thirteen, which no number of workers can answer.
  for (const int prompt : {40, 140, 180}) requests.push_back(pool_request(prompt, prompt, 20));
  const auto expected = RolloutPool(policy, tokenizer, config, 1).run(requests);
  CHECK(is_trainable(expected[1].completions[0]));
  CHECK(expected[2].completions[0].finish == FinishReason::failed);
  for (const int workers : {2, 3, 12}) {
    config.workers = workers;
    RolloutPool pool(policy, tokenizer, config, 2);
    const auto rollouts = pool.run(requests);
    check_equal({expected[0], expected[1]}, {rollouts[0], rollouts[1]});
    CHECK(rollouts[2].completions[0].error == expected[2].completions[0].error);
    check_equal({expected[0]}, pool.run({requests[0]}));  // all of them work again
  }
}
