#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <map>

#include "tests/catch.h"
#include "tests/policy/parity_fixture.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

const char* const kFixtures[] = {
    "llama_gqa_tied_llama3", "llama_bias_padded", "qwen2_bias", "qwen2_sliding",
    "qwen3_qknorm",          "qwen3_moe",         "mixtral"};

double largest(const at::Tensor& difference) {
  return difference.abs().max().item<double>();
}

std::vector<int64_t> live_rows(const ParityFixture::Packed& packed) {
  std::vector<int64_t> rows;
  for (const auto& sequence : packed.row_of) {
    for (const int64_t row : sequence) {
      if (row >= 0) rows.push_back(row);
    }
  }
  return rows;
}

/// Expected values [B, T, ...] at the places that are not padding, in packed order.
at::Tensor live(const at::Tensor& expected_BT, const ParityFixture::Packed& packed) {
  std::vector<at::Tensor> parts;
  for (size_t b = 0; b < packed.row_of.size(); ++b) {
    for (size_t t = 0; t < packed.row_of[b].size(); ++t) {
      if (packed.row_of[b][t] >= 0) {
        parts.push_back(
            expected_BT.select(0, static_cast<int64_t>(b)).select(0, static_cast<int64_t>(t)));
      }
    }
  }
  return at::stack(parts);
}

/// Scores of every next token of the fixture, and the expected logprobs of the same.
std::pair<ScoreList, at::Tensor> next_tokens(const ParityFixture& fixture,
                                             const ParityFixture::Packed& packed) {
  const auto expected = fixture.expected("logprobs");
  ScoreList list;
  std::vector<float> values;
  for (size_t b = 0; b < packed.row_of.size(); ++b) {
    for (size_t t = 0; t + 1 < packed.row_of[b].size(); ++t) {
      const int64_t row = packed.row_of[b][t];
      if (row < 0) continue;
      list.rows.push_back(row);
      list.targets.push_back(packed.batch.tokens[static_cast<size_t>(packed.row_of[b][t + 1])]);
      values.push_back(expected.data_ptr<float>()[static_cast<int64_t>(b) * expected.size(1) +
                                                  static_cast<int64_t>(t)]);
    }
  }
  return {list, at::tensor(values)};
}

/// Logits of one sequence, fed to the cache `chunk` rows at a time.
at::Tensor decode_in_chunks(const Policy& policy, const PackedBatch& batch, const Segment& segment,
                            int64_t chunk, ThreadTeam& team) {
  KvCache cache(policy.model_config(), policy.compute_dtype(), policy.device(), 16);
  std::vector<int32_t> table;
  for (int32_t block = 0; block * kBlockTokens < segment.length; ++block)
    table.push_back(15 - 2 * block);
  std::vector<at::Tensor> parts;
  for (int64_t begin = 0; begin < segment.length; begin += chunk) {
    DecodeBatch rows;
    rows.block_tables = {table};
    for (int64_t i = begin; i < std::min(begin + chunk, segment.length); ++i) {
      rows.tokens.push_back(batch.tokens[static_cast<size_t>(segment.begin + i)]);
      rows.places.push_back(static_cast<int32_t>(i));
      rows.sequences.push_back(0);
      rows.logit_rows.push_back(i - begin);
    }
    parts.push_back(policy.decode(rows, cache, team));
  }
  return at::cat(parts);
}

}  // namespace

TEST_CASE("logits and logprobs equal transformers'", "[policy][parity]") {
  ThreadTeam team(2);
  for (const Compute compute : {Compute::native, Compute::reference}) {
    for (const char* name : kFixtures) {
      const ParityFixture fixture(name);
      INFO(name << (compute == Compute::native ? " native" : " reference"));
      const auto policy = fixture.load(team, compute, Precision::float32, Purpose::inference);
      const auto packed = fixture.pack();
      at::NoGradGuard no_grad;
      const auto hidden = policy->forward(packed.batch, team);
      CHECK(largest(policy->logits(hidden, live_rows(packed), team) -
                    live(fixture.expected("logits"), packed)) < 1e-4);
      const auto [list, expected] = next_tokens(fixture, packed);
      CHECK(largest(policy->score(hidden, list, 1.0, team).logprobs - expected) < 1e-4);
    }
  }
}

TEST_CASE("gradients equal transformers'", "[policy][parity]") {
  ThreadTeam team(2);
  const ParityFixture fixture("llama_gqa_tied_llama3");
  for (const Compute compute : {Compute::native, Compute::reference}) {
    for (const bool checkpointing : {false, true}) {
      PolicyConfig config;
      config.path = fixture.dir().string();
      config.compute = compute;
      config.activation_checkpointing = checkpointing;
      config.head_chunk_rows = 7;
      const auto policy = Policy::load(config, Purpose::training, team);
      const auto packed = fixture.pack();
      const auto [list, expected] = next_tokens(fixture, packed);
      torch::autograd::backward(
          {policy->score(policy->forward(packed.batch, team), list, 1.0, team).logprobs.mean()},
          {});
      for (const auto& parameter : policy->parameters()) {
        INFO(parameter.name << (compute == Compute::native ? " native" : " reference"));
        const auto wanted = fixture.expected(parameter.name, "expected_grads.safetensors");
        CHECK(at::allclose(parameter.grad, wanted, 1e-3, 1e-5));
      }
    }
  }
}

TEST_CASE("native gradients equal ATen's on every family", "[policy][parity]") {
  ThreadTeam team(2);
  for (const char* name : kFixtures) {
    const ParityFixture fixture(name);
    const auto packed = fixture.pack();
    const auto list = next_tokens(fixture, packed).first;
    std::map<std::string, at::Tensor> wanted;
    for (const Compute compute : {Compute::reference, Compute::native}) {
      const auto policy = fixture.load(team, compute);
      const auto scores = policy->score(policy->forward(packed.batch, team), list, 0.7, team);
      torch::autograd::backward(
          {(scores.logprobs * at::linspace(-1, 1, scores.logprobs.size(0))).sum() +
           scores.entropies.sum() * 0.3},
          {});
      for (const auto& parameter : policy->parameters()) {
        if (compute == Compute::reference) {
          wanted[parameter.name] = parameter.grad;
          continue;
        }
        INFO(name << " " << parameter.name);
        const double scale = std::max(1.0, largest(wanted[parameter.name]));
        CHECK(largest(parameter.grad - wanted[parameter.name]) < 1e-4 * scale);
      }
    }
  }
}

TEST_CASE("decoding through the cache gives the bits of the packed forward pass",
          "[policy][exact]") {
  ThreadTeam team(2);
  ThreadTeam alone(1);
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    for (const char* name : kFixtures) {
      const ParityFixture fixture(name);
      const auto policy = fixture.load(team, Compute::native, precision, Purpose::inference);
      const auto packed = fixture.pack();
      at::NoGradGuard no_grad;
      const auto hidden = policy->forward(packed.batch, team);
      for (const auto& segment : packed.batch.segments) {
        std::vector<int64_t> rows;
        for (int64_t i = 0; i < segment.length; ++i) rows.push_back(segment.begin + i);
        const auto wanted = policy->logits(hidden, rows, team);
        INFO(name << " " << (precision == Precision::float32 ? "float32" : "bfloat16"));
        CHECK(at::equal(decode_in_chunks(*policy, packed.batch, segment, 1, alone), wanted));
        CHECK(at::equal(decode_in_chunks(*policy, packed.batch, segment, 7, team), wanted));
      }
    }
  }
}

TEST_CASE("a prompt computed once for its completions gives the bits of whole sequences",
          "[policy][exact]") {
  ThreadTeam team(2);
  for (const char* name : kFixtures) {
    const ParityFixture fixture(name);
    const auto policy = fixture.load(team, Compute::native, Precision::bfloat16);
    const auto packed = fixture.pack();
    const Segment whole = packed.batch.segments[0];
    for (const int64_t prompt : {int64_t{5}, int64_t{16}, int64_t{19}}) {
      PackedBatch shared;
      const auto append = [&](int64_t begin, int64_t length, int32_t prefix,
                              int32_t first_position) {
        shared.segments.push_back({shared.num_rows(), length, prefix});
        for (int64_t i = 0; i < length; ++i) {
          shared.tokens.push_back(packed.batch.tokens[static_cast<size_t>(begin + i)]);
          shared.positions.push_back(first_position + static_cast<int32_t>(i));
        }
      };
      append(whole.begin, prompt, -1, 0);
      for (int copy = 0; copy < 3; ++copy) {
        append(whole.begin + prompt, whole.length - prompt, 0, static_cast<int32_t>(prompt));
      }
      at::NoGradGuard no_grad;
      const auto apart = policy->forward(packed.batch, team).narrow(0, whole.begin, whole.length);
      const auto together = policy->forward(shared, team);
      INFO(name << " prompt of " << prompt);
      CHECK(at::equal(together.narrow(0, 0, prompt), apart.narrow(0, 0, prompt)));
      for (size_t s = 1; s < shared.segments.size(); ++s) {
        CHECK(at::equal(together.narrow(0, shared.segments[s].begin, shared.segments[s].length),
                        apart.narrow(0, prompt, whole.length - prompt)));
      }
    }
  }
}

TEST_CASE("fresh adapters leave the policy as it is and train alone", "[policy][lora]") {
  ThreadTeam team(2);
  const ParityFixture fixture("qwen2_bias");
  const auto packed = fixture.pack();
  const auto list = next_tokens(fixture, packed).first;
  std::map<std::string, at::Tensor> wanted;
  for (const Compute compute : {Compute::reference, Compute::native}) {
    PolicyConfig config;
    config.path = fixture.dir().string();
    config.compute = compute;
    config.lora.rank = 4;
    const auto policy = Policy::load(config, Purpose::training, team);
    CHECK(policy->parameters().size() == 3 * 7 * 2);
    {
      at::NoGradGuard no_grad;
      const auto with =
          policy->score(policy->forward(packed.batch, team, true), list, 1.0, team).logprobs;
      const auto without =
          policy->score(policy->forward(packed.batch, team, false), list, 1.0, team).logprobs;
      CHECK(largest(with - without) < 1e-6);
      for (auto& parameter : policy->parameters()) {
        if (parameter.name.ends_with("lora_B.weight")) parameter.value.add_(0.01);
      }
      policy->publish_weights(team);
      const auto moved =
          policy->score(policy->forward(packed.batch, team, true), list, 1.0, team).logprobs;
      CHECK(largest(moved - without) > 1e-3);
    }
    torch::autograd::backward(
        {policy->score(policy->forward(packed.batch, team), list, 1.0, team).logprobs.mean()}, {});
    for (const auto& parameter : policy->parameters()) {
      if (compute == Compute::reference) {
        wanted[parameter.name] = parameter.grad;
        continue;
      }
      INFO(parameter.name);
      CHECK(at::allclose(parameter.grad, wanted[parameter.name], 1e-3, 1e-6));
    }
  }
}
