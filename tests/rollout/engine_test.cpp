#include "rollout/engine/engine.h"

#include <set>

#include "base/error.h"
#include "rollout/rollout_pool.h"
#include "tests/catch.h"
#include "tests/rollout/fake_policy.h"
#include "tests/rollout/fake_tokenizer.h"

using namespace gradus;
using namespace gradus::rollout;
using gradus::rollout::testing::HashPolicy;
using gradus::rollout::testing::PieceTokenizer;

namespace {

constexpr int32_t kEos = 26;

RolloutRequest make_request(int key, int prompt_tokens, int completions, int max_tokens = 40) {
  RolloutRequest request;
  request.prompt.id = "prompt " + std::to_string(key);
  for (int i = 0; i < prompt_tokens; ++i) request.prompt.tokens.push_back((key * 7 + i * i) % 26);
  request.num_completions = completions;
  request.seed = 11;
  request.step = 3;
  request.prompt_key = static_cast<uint64_t>(key);
  request.sampling.max_tokens = max_tokens;
  return request;
}

std::vector<RolloutRequest> make_requests() {
  std::vector<RolloutRequest> requests;
  const int lengths[] = {1, 15, 16, 17, 32, 40, 5, 33};
  for (int i = 0; i < 8; ++i) requests.push_back(make_request(i, lengths[i], 1 + i % 5));
  requests[3].sampling.temperature = 0.0;
  requests[5].sampling.top_p = 0.8;
  return requests;
}

/// The same completions one token at a time, without engine, cache or batch.
Completion plain(const HashPolicy& policy, const RolloutRequest& request, int index) {
  Completion completion;
  auto history = request.prompt.tokens;
  RandomStream random(request.seed, request.step, request.prompt_key, static_cast<uint64_t>(index));
  const Sampler sampler(request.sampling);
  SamplerScratch scratch;
  while (static_cast<int>(completion.tokens.size()) < request.sampling.max_tokens) {
    const float u = sampler.is_greedy() ? 0.0F : random.uniform();
    const auto token = sampler.sample(policy.logits_after(history), u, scratch).value();
    history.push_back(token.id);
    completion.tokens.push_back(token.id);
    completion.logprobs.push_back(token.logprob);
    if (token.id == kEos) break;
  }
  return completion;
}

void check_all(const HashPolicy& policy, const std::vector<RolloutRequest>& requests,
               const std::vector<Rollout>& rollouts) {
  REQUIRE(rollouts.size() == requests.size());
  for (size_t r = 0; r < requests.size(); ++r) {
    REQUIRE(rollouts[r].prompt.id == requests[r].prompt.id);
    REQUIRE(rollouts[r].completions.size() == static_cast<size_t>(requests[r].num_completions));
    for (int i = 0; i < requests[r].num_completions; ++i) {
      const auto& completion = rollouts[r].completions[static_cast<size_t>(i)];
      const auto expected = plain(policy, requests[r], i);
      INFO("request " << r << ", completion " << i << ": " << completion.error);
      REQUIRE(completion.index == i);
      REQUIRE(completion.tokens == expected.tokens);
      REQUIRE(completion.logprobs == expected.logprobs);
      REQUIRE(completion.finish ==
              (expected.tokens.back() == kEos ? FinishReason::stop : FinishReason::length));
      REQUIRE(completion.policy_version == 5);
    }
  }
}

/// 256 bytes a block.
double megabytes_for(int64_t blocks) {
  return static_cast<double>(blocks) * 256.0 / (1 << 20);
}

struct Bench {
  HashPolicy policy;
  PieceTokenizer tokenizer{PieceTokenizer::letters()};
  ThreadTeam team{2};
  Engine engine(int64_t blocks, int max_sequences = 8, int prefill_rows = 32) {
    return Engine(policy, tokenizer, {max_sequences, prefill_rows, blocks}, team);
  }
};

}  // namespace

TEST_CASE("results do not depend on workers, batching or cache size", "[rollout][pool]") {
  const HashPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  const auto requests = make_requests();
  RolloutConfig config;
  config.workers = GENERATE(1, 2, 4);
  config.max_sequences = GENERATE(1, 3, 64);
  config.prefill_rows = GENERATE(1, 7, 512);
  const int64_t blocks = GENERATE(5, 9, 1000);
  config.kv_cache_mb = megabytes_for(blocks * config.workers) + 1e-9;
  RolloutPool pool(policy, tokenizer, config, 2);
  check_all(policy, requests, pool.run(requests));
  const auto& stats = pool.last_stats();
  CHECK(stats.failed == 0);
  CHECK(stats.peak_blocks <= blocks * config.workers);
  if (blocks == 1000) {
    CHECK(stats.preemptions == 0);
    CHECK(stats.recomputed_tokens == 0);
    int64_t prompt_tokens = 0;
    for (const auto& request : requests)
      prompt_tokens += static_cast<int64_t>(request.prompt.tokens.size());
    CHECK(stats.prompt_tokens == prompt_tokens);
  }
  check_all(policy, requests, pool.run(requests));
}

TEST_CASE("little cache preempts the youngest and still finishes", "[rollout][engine]") {
  Bench bench;
  auto engine = bench.engine(6);
  std::vector<RolloutRequest> requests;
  for (int i = 0; i < 6; ++i) requests.push_back(make_request(i, 20 + i, 4, 60));
  std::vector<Rollout> rollouts(requests.size());
  for (const auto& request : requests) engine.submit(request);
  while (!engine.is_idle())
    for (auto& finished : engine.step())
      rollouts[static_cast<size_t>(finished.ticket - 1)] = std::move(finished.rollout);
  check_all(bench.policy, requests, rollouts);
  CHECK(engine.stats().preemptions > 0);
  CHECK(engine.stats().recomputed_tokens > 0);
  CHECK(engine.stats().peak_blocks == 6);
}

TEST_CASE("a group's prompt is computed once and its blocks are shared", "[rollout][engine]") {
  Bench bench;
  auto engine = bench.engine(100, 16, 512);
  const auto request = make_request(1, 40, 16, 2);
  engine.submit(request);
  while (!engine.is_idle()) engine.step();
  CHECK(engine.stats().prompt_tokens == 40);
  // Two full blocks shared by all, and a third one of each.
  CHECK(engine.stats().peak_blocks <= 2 + 16 + 1);
}

TEST_CASE("a completion ends at a stop string and keeps the token that completed it",
          "[rollout][engine]") {
  Bench bench;
  auto engine = bench.engine(100);
  auto request = make_request(2, 10, 1, 60);
  const auto free_run = engine.generate(request).completions[0];
  REQUIRE(free_run.tokens.size() > 8);
  const std::string stop = free_run.text.substr(4, 3);
  const size_t at = free_run.text.find(stop);
  request.sampling.stop = {stop};
  const auto stopped = engine.generate(request).completions[0];
  CHECK(stopped.finish == FinishReason::stop);
  CHECK(stopped.text == free_run.text.substr(0, at));
  CHECK(stopped.tokens.size() == at + 3);

  request.sampling.stop.clear();
  request.sampling.stop_token_ids = {free_run.tokens[5]};
  const auto by_id = engine.generate(request).completions[0];
  CHECK(by_id.finish == FinishReason::stop);
  CHECK(by_id.tokens.back() == free_run.tokens[5]);
  CHECK(by_id.text.size() == by_id.tokens.size() - 1);
}

TEST_CASE("a completion ends with the context", "[rollout][engine]") {
  Bench bench;
  auto engine = bench.engine(100);
  auto request = make_request(2, 195, 4, 1000);
  for (const auto& completion : engine.generate(request).completions) {
    CHECK(completion.tokens.size() <= 5);
    CHECK((completion.finish == FinishReason::length) == (completion.tokens.back() != kEos));
  }
}

TEST_CASE("requests that can never be answered are failed records that say why",
          "[rollout][engine]") {
  Bench bench;
  auto engine = bench.engine(4);
  const auto why = [&](const RolloutRequest& request) {
    const auto rollout = engine.generate(request);
    REQUIRE(rollout.completions.size() == 3);
    for (const auto& c : rollout.completions) REQUIRE(c.finish == FinishReason::failed);
    return rollout.completions[2].error;
  };
  CHECK_THAT(why(make_request(0, 40, 3, 60)), Catch::Contains("rollout.kv_cache_mb"));
  CHECK_THAT(why(make_request(0, 200, 3)), Catch::Contains("context of 200"));
  CHECK_THAT(why(make_request(0, 0, 3)), Catch::Contains("no tokens"));
  auto alien = make_request(0, 4, 3);
  alien.prompt.tokens[2] = 27;
  CHECK_THAT(why(alien), Catch::Contains("token 27"));
  CHECK(engine.stats().failed == 12);
  auto none = make_request(0, 4, 0);
  CHECK_THROWS_AS(engine.submit(none), ArgumentError);
  // What fits exactly is answered.
  CHECK(engine.generate(make_request(0, 25, 3, 40)).completions[2].finish != FinishReason::failed);
}

TEST_CASE("logits that are not finite fail their completion and no other", "[rollout][engine]") {
  Bench bench;
  bench.policy.poison = 9;
  auto engine = bench.engine(200);
  const auto rollout = engine.generate(make_request(4, 12, 12, 30));
  int failed = 0;
  for (const auto& completion : rollout.completions) {
    const bool met = !completion.tokens.empty() && completion.tokens.back() == 9;
    CHECK((completion.finish == FinishReason::failed) == (met && completion.tokens.size() < 30));
    if (completion.finish != FinishReason::failed) continue;
    ++failed;
    CHECK_THAT(completion.error, Catch::Contains("NaN"));
    CHECK(completion.logprobs.size() == completion.tokens.size());
  }
  CHECK(failed > 0);
  CHECK(engine.stats().failed == failed);
}

TEST_CASE("a call that runs out of memory is repeated with half the batch", "[rollout][engine]") {
  Bench bench;
  bench.policy.most_rows = 3;
  auto engine = bench.engine(200, 16, 64);
  const auto request = make_request(6, 21, 8);
  const std::vector<Rollout> rollouts{engine.generate(request)};
  check_all(bench.policy, {request}, rollouts);
  CHECK(engine.stats().failed_calls > 0);
  CHECK(engine.stats().failed == 0);
}

TEST_CASE("an error of one request fails that one; the others are answered", "[rollout][pool]") {
  HashPolicy policy(28);
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  policy.cursed = 27;
  std::vector<RolloutRequest> requests;
  for (int i = 0; i < 6; ++i) {
    requests.push_back(make_request(i, 10, 3, 10));
    // The cursed token is never sampled: greedy never meets it in these runs, prompts do.
    requests.back().sampling.top_k = 3;
  }
  requests[2].prompt.tokens[4] = 27;
  RolloutConfig config;
  config.workers = GENERATE(1, 2);
  config.kv_cache_mb = 0.1;
  RolloutPool pool(policy, tokenizer, config, 2);
  const auto rollouts = pool.run(requests);
  for (const auto& c : rollouts[2].completions) {
    CHECK(c.finish == FinishReason::failed);
    CHECK_THAT(c.error, Catch::Contains("cursed"));
  }
  for (const size_t r : {0, 1, 3, 4, 5}) {
    for (const auto& c : rollouts[r].completions) {
      const bool met = std::find(c.tokens.begin(), c.tokens.end(), 27) != c.tokens.end();
      CHECK((c.finish != FinishReason::failed || met));
    }
  }
  CHECK(pool.last_stats().failed >= 3);
}

TEST_CASE("cancelling leaves aborted records with what they have, and frees the cache",
          "[rollout][engine]") {
  Bench bench;
  auto engine = bench.engine(100);
  auto request = make_request(3, 20, 4, 100);
  request.sampling.top_k = 20;
  const auto ticket = engine.submit(request);
  for (int i = 0; i < 3; ++i) REQUIRE(engine.step().empty());
  engine.cancel(ticket);
  const auto finished = engine.step();
  REQUIRE(finished.size() == 1);
  int aborted = 0;
  for (const auto& c : finished[0].rollout.completions)
    aborted += c.finish == FinishReason::aborted;
  CHECK(aborted > 0);
  CHECK(engine.stats().aborted == aborted);
  CHECK(engine.is_idle());
  const std::vector<Rollout> again{engine.generate(request)};
  check_all(bench.policy, {request}, again);
}

TEST_CASE("a stopped run ends with aborted records for what was not done", "[rollout][pool]") {
  const HashPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  RolloutConfig config;
  config.workers = 2;
  config.max_sequences = 2;
  RolloutPool pool(policy, tokenizer, config, 2);
  std::stop_source stop;
  std::atomic<int> seen = 0;
  std::vector<RolloutRequest> requests;
  for (int i = 0; i < 40; ++i) requests.push_back(make_request(i, 5, 2));
  const auto rollouts = pool.run(requests, stop.get_token(), [&](const Rollout&) {
    if (++seen == 3) stop.request_stop();
  });
  REQUIRE(rollouts.size() == 40);
  CHECK(seen == 40);
  int64_t aborted = 0;
  for (const auto& rollout : rollouts) {
    REQUIRE(rollout.completions.size() == 2);
    for (const auto& c : rollout.completions) {
      aborted += c.finish == FinishReason::aborted;
      CHECK(c.finish != FinishReason::failed);
    }
  }
  CHECK(aborted > 40);
  CHECK(pool.last_stats().aborted == aborted);
}

TEST_CASE("streamed tokens and text add up to the completion", "[rollout][engine]") {
  Bench bench;
  auto engine = bench.engine(100);
  auto request = make_request(5, 9, 3, 50);
  request.sampling.stop = {"qz", "ab"};
  std::vector<std::vector<int32_t>> tokens(3);
  std::vector<std::string> text(3);
  int ended = 0;
  const auto rollout = engine.generate(request, {}, [&](const TokenEvent& event) {
    tokens[static_cast<size_t>(event.completion)].push_back(event.token);
    text[static_cast<size_t>(event.completion)] += event.text;
    ended += event.finish.has_value();
  });
  CHECK(ended == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(tokens[i] == rollout.completions[i].tokens);
    CHECK(text[i] == rollout.completions[i].text);
  }
}

TEST_CASE("a listener that throws ends its own completion alone", "[rollout][engine]") {
  Bench bench;
  auto engine = bench.engine(100);
  const auto rollout = engine.generate(make_request(5, 9, 3, 30), {}, [](const TokenEvent& event) {
    if (event.completion == 1) throw std::runtime_error("client is gone");
  });
  CHECK(rollout.completions[1].finish == FinishReason::failed);
  CHECK(rollout.completions[1].error == "client is gone");
  CHECK(rollout.completions[0].finish != FinishReason::failed);
  CHECK(rollout.completions[2].finish != FinishReason::failed);
}

TEST_CASE("a cache budget below one block is refused by the setting's name", "[rollout][pool]") {
  const HashPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  RolloutConfig config;
  config.kv_cache_mb = 1e-6;
  CHECK_THROWS_WITH(RolloutPool(policy, tokenizer, config, 1),
                    Catch::Contains("rollout.kv_cache_mb"));
}
