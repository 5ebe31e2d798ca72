#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <unistd.h>

#include <filesystem>

#include "policy/formats/safetensors/safetensors.h"
#include "tests/catch.h"
#include "tests/policy/parity_fixture.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

const char* const kFixtures[] = {"deepseek_v3_base", "deepseek_v3_no_qlora", "deepseek_v3_yarn",
                                 "deepseek_v3_bf16", "deepseek_v3_fp8",      "deepseek_v3_mtp"};

double largest(const at::Tensor& difference) {
  return difference.abs().max().item<double>();
}

std::vector<int64_t> all_rows(int64_t count) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < count; ++i) rows.push_back(i);
  return rows;
}

std::unique_ptr<Policy> load(const ParityFixture& fixture, Compute compute, LatentCache cache,
                             int rank, Purpose purpose, ThreadTeam& team) {
  PolicyConfig config;
  config.path = fixture.dir().string();
  config.compute = compute;
  config.latent_cache = cache;
  config.lora.rank = rank;
  return Policy::load(config, purpose, team);
}

/// Next-token scores of a batch without padding, in the order of expected logprobs.
ScoreList next_tokens(const PackedBatch& batch) {
  ScoreList list;
  for (const Segment& segment : batch.segments) {
    for (int64_t row = segment.begin; row + 1 < segment.begin + segment.length; ++row) {
      list.rows.push_back(row);
      list.targets.push_back(batch.tokens[static_cast<size_t>(row) + 1]);
    }
  }
  return list;
}

/// Logits of all sequences decoded together, `chunk` rows of each at a time.
at::Tensor decode_together(const Policy& policy, const PackedBatch& batch, int64_t chunk,
                           ThreadTeam& team) {
  const int64_t length = batch.segments[0].length;
  const int32_t blocks = static_cast<int32_t>((length + kBlockTokens - 1) / kBlockTokens);
  KvCache cache(policy.model_config(), policy.compute_dtype(), policy.device(),
                int64_t{blocks} * std::ssize(batch.segments));
  std::vector<std::vector<int32_t>> tables(batch.segments.size());
  for (size_t s = 0; s < tables.size(); ++s) {
    for (int32_t b = 0; b < blocks; ++b) {
      tables[s].push_back(b * static_cast<int32_t>(tables.size()) + static_cast<int32_t>(s));
    }
  }
  std::vector<std::vector<at::Tensor>> parts(batch.segments.size());
  for (int64_t begin = 0; begin < length; begin += chunk) {
    const int64_t count = std::min(chunk, length - begin);
    DecodeBatch rows;
    for (size_t s = 0; s < batch.segments.size(); ++s) {
      rows.block_tables.emplace_back(tables[s]);
      for (int64_t i = begin; i < begin + count; ++i) {
        rows.tokens.push_back(batch.tokens[static_cast<size_t>(batch.segments[s].begin + i)]);
        rows.places.push_back(static_cast<int32_t>(i));
        rows.sequences.push_back(static_cast<int32_t>(s));
        rows.logit_rows.push_back(std::ssize(rows.tokens) - 1);
      }
    }
    const auto logits = policy.decode(rows, cache, team);
    for (size_t s = 0; s < parts.size(); ++s) {
      parts[s].push_back(logits.narrow(0, static_cast<int64_t>(s) * count, count));
    }
  }
  std::vector<at::Tensor> sequences;
  for (const auto& part : parts) sequences.push_back(at::cat(part));
  return at::cat(sequences);
}

}  // namespace

TEST_CASE("DeepSeek-V3's logits and logprobs equal transformers', packed and through the caches",
          "[policy][parity][latent]") {
  ThreadTeam team(2);
  for (const char* name : kFixtures) {
    const ParityFixture fixture(name);
    const auto batch = fixture.pack().batch;
    const auto expected = fixture.expected("logits").flatten(0, 1);
    for (const Compute compute : {Compute::native, Compute::reference}) {
      for (const int rank : {0, 2}) {
        INFO(name << (compute == Compute::native ? ", native" : ", reference") << ", rank "
                  << rank);
        const auto policy =
            load(fixture, compute, LatentCache::absorbed, rank, Purpose::inference, team);
        at::NoGradGuard no_grad;
        const auto hidden = policy->forward(batch, team);
        CHECK(largest(policy->logits(hidden, all_rows(batch.num_rows()), team) - expected) < 1e-4);
        const auto scores = policy->score(hidden, next_tokens(batch), 1.0, team);
        CHECK(largest(scores.logprobs - fixture.expected("logprobs").flatten()) < 1e-4);
        CHECK(largest(decode_together(*policy, batch, 1, team) - expected) < 1e-4);
        CHECK(largest(decode_together(*policy, batch, 9, team) - expected) < 1e-4);
        const auto expanded =
            load(fixture, compute, LatentCache::expanded, rank, Purpose::inference, team);
        CHECK(largest(decode_together(*expanded, batch, 5, team) - expected) < 1e-4);
      }
    }
  }
}

TEST_CASE("DeepSeek-V3's gradients equal transformers'", "[policy][parity][latent]") {
  ThreadTeam team(2);
  for (const char* name : kFixtures) {
    const ParityFixture fixture(name);
    const auto grads = fixture.dir() / "expected_grads.safetensors";
    if (!std::filesystem::exists(grads)) continue;
    for (const Compute compute : {Compute::native, Compute::reference}) {
      const auto policy = load(fixture, compute, LatentCache::absorbed, 0, Purpose::training, team);
      const auto batch = fixture.pack().batch;
      const auto scores =
          policy->score(policy->forward(batch, team), next_tokens(batch), 1.0, team);
      torch::autograd::backward({scores.logprobs.mean()}, {});
      const auto file = SafetensorsFile::open(grads);
      for (const auto& p : policy->parameters()) {
        if (file.find(p.name) == nullptr) continue;
        INFO(name << " " << p.name);
        CHECK(at::allclose(p.grad, fixture.expected(p.name, "expected_grads.safetensors"), 1e-3,
                           1e-5));
      }
    }
  }
}

TEST_CASE("DeepSeek-V3's prediction modules give the expected logits, before and after saving",
          "[policy][parity][prediction]") {
  ThreadTeam team(2);
  const ParityFixture fixture("deepseek_v3_mtp");
  const auto saved =
      std::filesystem::temp_directory_path() / ("gradus_mtp_" + std::to_string(::getpid()));
  for (const Compute compute : {Compute::native, Compute::reference}) {
    PolicyConfig config;
    config.path = fixture.dir().string();
    config.compute = compute;
    for (const bool is_saved : {false, true}) {
      if (is_saved) {
        Policy::load(config, Purpose::training, team)->save(saved);
        config.path = saved.string();
        const auto file = SafetensorsFile::open(saved / "model.safetensors");
        const auto original = SafetensorsFile::open(fixture.dir() / "model.safetensors");
        CHECK(file.find("model.layers.3.shared_head.head.weight") != nullptr);
        for (const auto& info : original.tensors()) {
          INFO(info.name);
          REQUIRE(file.find(info.name) != nullptr);
          std::vector<std::byte> mine(info.num_bytes);
          std::vector<std::byte> theirs(info.num_bytes);
          file.read_raw(info.name, mine);
          original.read_raw(info.name, theirs);
          CHECK((mine == theirs));
        }
      }
      const auto policy = Policy::load(config, Purpose::inference, team);
      REQUIRE(policy->model_config().num_mtp_layers == 2);
      at::NoGradGuard no_grad;
      PackedBatch batch = fixture.pack().batch;
      at::Tensor state = policy->forward(batch, team);
      for (int k = 0; k < 2; ++k) {
        auto shifted = shift_one_token(batch);
        state = policy->predict(k, state, shifted, team, PredictionGradient::everything);
        const auto logits = policy->logits(state, all_rows(state.size(0)), team);
        const auto expected = fixture.expected("mtp_logits." + std::to_string(k + 1)).flatten(0, 1);
        INFO("module " << k + 1);
        REQUIRE(logits.sizes() == expected.sizes());
        CHECK(largest(logits - expected) < 1e-4);
        batch = std::move(shifted.batch);
      }
    }
  }
  std::filesystem::remove_all(saved);
}
