#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "base/error.h"
#include "rollout/rollout_pool.h"
#include "tests/catch.h"
#include "tests/policy/tiny_latent_model.h"
#include "tests/rollout/fake_policy.h"
#include "tests/rollout/fake_tokenizer.h"
#include "tests/rollout/rollouts_equal.h"

using namespace gradus;
using namespace gradus::rollout;
using gradus::rollout::testing::HashPolicy;
using gradus::rollout::testing::PieceTokenizer;

namespace {

constexpr int32_t kEos = 26;

/// A HashPolicy whose prediction module sees through the hash: it guesses the likeliest token. Both
/// read their tokens back from the cache's memory, each from its own layer, and refuse what does
/// not fit.
class SeerPolicy : public HashPolicy {
 public:
  SeerPolicy() : model_(HashPolicy::model_config()) {
    model_.num_mtp_layers = 1;
    model_.layers.resize(2);
  }
  const policy::ModelConfig& model_config() const override { return model_; }

  /// The "hidden state" of a row is its logits.
  at::Tensor decode_hidden(const policy::DecodeBatch& batch, policy::KvCache& cache,
                           ThreadTeam& team) const override {
    auto whole = batch;
    whole.logit_rows.clear();
    for (size_t r = 0; r < batch.tokens.size(); ++r)
      whole.logit_rows.push_back(static_cast<int64_t>(r));
    return decode(whole, cache, team);
  }
  at::Tensor logits(const at::Tensor& hidden, std::span<const int64_t> rows,
                    ThreadTeam&) const override {
    auto out = at::empty({std::ssize(rows), hidden.size(1)}, at::kFloat);
    for (int64_t r = 0; r < std::ssize(rows); ++r)
      out[r].copy_(hidden[rows[static_cast<size_t>(r)]]);
    return out;
  }

  at::Tensor draft(const policy::DraftBatch& draft, policy::KvCache& cache,
                   ThreadTeam&) const override {
    ++draft_calls;
    if (static_cast<int64_t>(draft.rows.tokens.size()) > most_draft_rows) throw std::bad_alloc();
    const auto& rows = draft.rows;
    if (rows.first_place != 1) throw std::logic_error("place 0 has no row");
    for (size_t r = 0; r < rows.tokens.size(); ++r) {
      const int64_t entry[2] = {rows.tokens[r], rows.places[r]};
      std::memcpy(slot(cache, rows, r, 1, rows.places[r]), entry, sizeof entry);
    }
    auto out = at::empty({std::ssize(rows.logit_rows), model_.vocab_size}, at::kFloat);
    float* to = out.data_ptr<float>();
    for (size_t r = 0, next = 0; r < rows.tokens.size(); ++r) {
      const auto history = tokens_before(cache, rows, r);
      const auto before = logits_after({history.begin(), history.end() - 1});
      const float* hidden = draft.hidden[static_cast<int64_t>(r)].data_ptr<float>();
      if (!std::equal(before.begin(), before.end(), hidden))
        throw std::logic_error("another row's hidden state");
      if (next == rows.logit_rows.size() || rows.logit_rows[next] != static_cast<int64_t>(r))
        continue;
      ++next;
      const auto z = logits_after(history);
      to = std::copy(z.begin(), z.end(), to);
    }
    return out;
  }

  int64_t most_draft_rows = std::numeric_limits<int64_t>::max();
  mutable std::atomic<int64_t> draft_calls{0};

 private:
  static std::byte* slot(const policy::KvCache& cache, const policy::DecodeBatch& rows, size_t r,
                         int layer, int32_t place) {
    const auto& table = rows.block_tables[static_cast<size_t>(rows.sequences[r])];
    const auto memory = cache.layer(layer);
    return memory.data + table[static_cast<size_t>(place / 16)] * memory.layout.block_bytes() +
           (place % 16) * 16;
  }

  /// Place 0 from the model's layer, the others from the module's.
  static std::vector<int32_t> tokens_before(const policy::KvCache& cache,
                                            const policy::DecodeBatch& rows, size_t r) {
    std::vector<int32_t> history;
    for (int32_t place = 0; place <= rows.places[r]; ++place) {
      int64_t entry[2];
      std::memcpy(entry, slot(cache, rows, r, place == 0 ? 0 : 1, place), sizeof entry);
      if (entry[1] != place)
        throw std::logic_error("the module's layer holds another place's token");
      history.push_back(static_cast<int32_t>(entry[0]));
    }
    return history;
  }

  policy::ModelConfig model_;
};

RolloutRequest make_request(int key, int prompt_tokens, int completions, int max_tokens = 40) {
  RolloutRequest request;
  for (int i = 0; i < prompt_tokens; ++i) request.prompt.tokens.push_back((key * 7 + i * i) % 26);
  request.num_completions = completions;
  request.seed = 11;
  request.prompt_key = static_cast<uint64_t>(key);
  request.sampling.max_tokens = max_tokens;
  return request;
}

std::vector<RolloutRequest> make_requests() {
  std::vector<RolloutRequest> requests;
  const int lengths[] = {1, 15, 16, 17, 32, 40, 5, 33};
  for (int i = 0; i < 8; ++i)
    requests.push_back(make_request(i, lengths[i], 1 + i % 5, i == 6 ? 1 : 38 + i));
  requests[3].sampling.temperature = 0.0;
  requests[4].sampling.temperature = 0.3;
  requests[5].sampling.top_p = 0.8;
  requests[7].sampling.stop = {"ab", "q"};
  return requests;
}

double megabytes_for(const policy::Policy& policy, int64_t blocks) {
  const auto bytes = policy::KvCache::bytes_per_block(
      policy.model_config(), policy.compute_dtype(), policy::CachedLayers::with_prediction_modules);
  return static_cast<double>(blocks * bytes) / (1 << 20) + 1e-9;
}

}  // namespace

TEST_CASE("drafts change neither tokens nor logprobs", "[rollout][speculative]") {
  const SeerPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  const auto requests = make_requests();
  RolloutPool plain(policy, tokenizer, {}, 1);
  const auto expected = plain.run(requests);
  CHECK(plain.last_stats().drafted_tokens == 0);

  RolloutConfig config;
  config.speculative = true;
  config.workers = GENERATE(1, 3);
  config.max_sequences = GENERATE(1, 3, 64);
  config.prefill_rows = GENERATE(1, 7, 512);
  const int64_t blocks = GENERATE(6, 9, 1000);
  config.kv_cache_mb = megabytes_for(policy, blocks * config.workers);
  INFO("workers " << config.workers << " sequences " << config.max_sequences << " rows "
                  << config.prefill_rows << " blocks " << blocks);
  RolloutPool pool(policy, tokenizer, config, 2);
  check_equal(expected, pool.run(requests));
  const auto& stats = pool.last_stats();
  CHECK(stats.failed == 0);
  CHECK(stats.failed_calls == 0);  // the module's layer held what it should
  CHECK(stats.peak_blocks <= blocks * config.workers);
  CHECK(stats.drafted_tokens > 0);
  CHECK(stats.accepted_drafts > 0);
  CHECK(stats.accepted_drafts < stats.drafted_tokens);
  CHECK(stats.completion_tokens >= stats.sequence_steps);
  CHECK(stats.completion_tokens <= stats.sequence_steps + stats.accepted_drafts);
  if (blocks == 1000) CHECK(stats.preemptions == 0);
}

TEST_CASE("greedy decoding with a perfect draft takes half the calls", "[rollout][speculative]") {
  const SeerPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  RolloutConfig config;
  config.speculative = true;
  auto request = make_request(3, 20, 2, 41);
  request.sampling.temperature = 0.0;
  RolloutPool pool(policy, tokenizer, config, 1);
  const auto rollouts = pool.run({request});
  const auto& stats = pool.last_stats();
  CHECK(stats.accepted_drafts == stats.drafted_tokens);
  const auto length = std::ssize(rollouts[0].completions[0].tokens);
  // The prompt, one call before the first draft, then two tokens a call.
  CHECK(stats.decode_calls <= 3 + length / 2);
}

TEST_CASE("a draft that fails leaves decoding as it is", "[rollout][speculative]") {
  SeerPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  const auto requests = make_requests();
  const auto expected = RolloutPool(policy, tokenizer, {}, 1).run(requests);
  RolloutConfig config;
  config.speculative = true;
  policy.most_draft_rows = 9;
  RolloutPool pool(policy, tokenizer, config, 1);
  check_equal(expected, pool.run(requests));
  CHECK(pool.last_stats().failed_calls > 0);
}

TEST_CASE("drafting without a prediction module is refused by its setting",
          "[rollout][speculative]") {
  const HashPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  RolloutConfig config;
  config.speculative = true;
  CHECK_THROWS_WITH(RolloutPool(policy, tokenizer, config, 1),
                    Catch::Contains("rollout.speculative"));
}

namespace {

std::unique_ptr<policy::Policy> latent_policy(policy::LatentCache cache,
                                              policy::Precision precision, ThreadTeam& team) {
  policy::PolicyConfig config;
  config.latent_cache = cache;
  config.precision = precision;
  auto model = policy::tiny_latent_config();
  model["initializer_range"] = 0.4;
  return policy::tiny_latent_policy(config, model, team);
}

std::vector<RolloutRequest> latent_requests(const policy::Policy& policy) {
  std::vector<RolloutRequest> requests;
  const int lengths[] = {3, 16, 29, 50};
  for (int r = 0; r < 4; ++r) {
    RolloutRequest request;
    for (const int64_t token : policy::tiny_tokens(lengths[r], policy.model_config().vocab_size,
                                                   70 + static_cast<uint64_t>(r)))
      request.prompt.tokens.push_back(static_cast<int32_t>(token));
    request.num_completions = 4;
    request.seed = 5;
    request.prompt_key = static_cast<uint64_t>(r);
    request.sampling.max_tokens = 40 + r;
    request.sampling.temperature = r == 1 ? 0.3 : r == 2 ? 0.0 : 0.7;
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace

TEST_CASE("a latent model samples the same bits with and without drafts, however batched",
          "[rollout][speculative][latent]") {
  ThreadTeam team(2);
  const auto precision = GENERATE(policy::Precision::float32, policy::Precision::bfloat16);
  const auto cache = GENERATE(policy::LatentCache::absorbed, policy::LatentCache::expanded);
  const auto policy = latent_policy(cache, precision, team);
  const PieceTokenizer tokenizer(std::vector<std::string>(60, "x"));
  const auto requests = latent_requests(*policy);
  RolloutPool whole(*policy, tokenizer, {}, 2);
  const auto expected = whole.run(requests);
  struct Variant {
    bool speculative;
    int workers, threads, max_sequences, prefill_rows;
    int64_t blocks;
  };
  const Variant variants[] = {{false, 1, 2, 3, 7, 8},
                              {true, 1, 1, 1, 1, 7},
                              {true, 1, 2, 3, 7, 8},
                              {true, 2, 2, 16, 512, 9},
                              {true, 2, 4, 256, 512, 400}};
  for (const auto& variant : variants) {
    RolloutConfig config;
    config.speculative = variant.speculative;
    config.workers = variant.workers;
    config.max_sequences = variant.max_sequences;
    config.prefill_rows = variant.prefill_rows;
    config.kv_cache_mb = megabytes_for(*policy, variant.blocks * variant.workers);
    RolloutPool pool(*policy, tokenizer, config, variant.threads);
    check_equal(expected, pool.run(requests));
    CHECK(pool.last_stats().failed_calls == 0);
    if (variant.speculative) CHECK(pool.last_stats().drafted_tokens > 0);
  }
}

TEST_CASE("a lone sequence whose call fails with its draft goes on without, and ends",
          "[rollout][speculative]") {
  SeerPolicy policy;
  const PieceTokenizer tokenizer(PieceTokenizer::letters());
  const auto request = make_request(3, 1, 1, 30);
  const auto expected = RolloutPool(policy, tokenizer, {}, 1).run({request});
  RolloutConfig config;
  config.speculative = true;
  policy.most_rows = 1;  // a token and its draft are two
  RolloutPool pool(policy, tokenizer, config, 1);
  check_equal(expected, pool.run({request}));
  CHECK(pool.last_stats().failed_calls > 0);
  CHECK(pool.last_stats().decode_calls < 100);
  CHECK_THAT(pool.last_stats().failure, Catch::Contains("out of memory"));
}
