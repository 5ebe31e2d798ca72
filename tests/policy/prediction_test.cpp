#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/policy/tiny_latent_model.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

double largest(const at::Tensor& difference) {
  return difference.abs().max().item<double>();
}

PolicyConfig config_of(Compute compute) {
  PolicyConfig config;
  config.compute = compute;
  return config;
}

/// A prompt of `prompt` tokens and completions behind it, sharing its rows.
PackedBatch group_of(const std::vector<int64_t>& prompt,
                     const std::vector<std::vector<int64_t>>& completions) {
  auto batch = packed_of({prompt});
  for (const auto& tokens : completions) {
    batch.segments.push_back({batch.num_rows(), std::ssize(tokens), 0});
    for (size_t i = 0; i < tokens.size(); ++i) {
      batch.tokens.push_back(tokens[i]);
      batch.positions.push_back(static_cast<int32_t>(prompt.size() + i));
    }
  }
  return batch;
}

/// Hidden states of all modules in turn.
std::vector<at::Tensor> predictions(const Policy& policy, const PackedBatch& batch,
                                    std::vector<ShiftedBatch>& shifts, ThreadTeam& team,
                                    PredictionGradient gradient) {
  std::vector<at::Tensor> states;
  auto state = policy.forward(batch, team);
  const PackedBatch* before = &batch;
  shifts.reserve(8);
  for (int k = 0; k < policy.model_config().num_mtp_layers; ++k) {
    shifts.push_back(shift_one_token(*before));
    before = &shifts.back().batch;
    state = policy.predict(k, state, shifts.back(), team, gradient);
    states.push_back(state);
  }
  return states;
}

}  // namespace

TEST_CASE("a shifted batch joins each place with the token after it", "[policy][prediction]") {
  const auto batch = group_of({10, 11, 12}, {{20, 21}, {30}, {}});
  const auto first = shift_one_token(batch);
  CHECK(first.batch.tokens == std::vector<int64_t>{11, 12, 20, 21, 30});
  CHECK(first.source == std::vector<int64_t>{0, 1, 2, 3, 2});
  CHECK(first.batch.positions == std::vector<int32_t>{0, 1, 2, 3, 2});
  // Row 2 predicts each completion's first token; so does the row of place 1.
  CHECK(first.predictor == std::vector<int64_t>{-1, 0, 1, 2, 3, 4});
  REQUIRE(first.batch.segments.size() == 4);
  CHECK(first.batch.segments[1].prefix == 0);
  CHECK(first.batch.segments[1].begin == 2);
  CHECK(first.batch.segments[3].length == 0);

  const auto second = shift_one_token(first.batch);
  CHECK(second.batch.tokens == std::vector<int64_t>{12, 20, 21, 30});
  CHECK(second.source == std::vector<int64_t>{0, 1, 2, 1});
  const auto third = shift_one_token(second.batch);  // the prompt has no place left of its own
  CHECK(third.batch.tokens == std::vector<int64_t>{20, 21, 30});
  CHECK(third.batch.segments[1].prefix == -1);
  CHECK(shift_one_token(third.batch).batch.tokens == std::vector<int64_t>{21});

  const auto moved = shifted_scores({{0, 2, 3, 2}, {11, 20, 21, 30}}, first);
  CHECK(moved.rows == std::vector<int64_t>{1, 2, 1});
  CHECK(moved.targets == std::vector<int64_t>{20, 21, 30});
}

TEST_CASE("prediction modules compute a shared prompt once, with the bits of whole sequences",
          "[policy][prediction][exact]") {
  ThreadTeam team(2);
  const auto prompt = tiny_tokens(18, 61, 1);
  const std::vector<std::vector<int64_t>> completions{tiny_tokens(9, 61, 2), tiny_tokens(1, 61, 3),
                                                      tiny_tokens(20, 61, 4)};
  std::vector<std::vector<int64_t>> whole;
  for (const auto& completion : completions) {
    whole.push_back(prompt);
    whole.back().insert(whole.back().end(), completion.begin(), completion.end());
  }
  at::NoGradGuard no_grad;
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    PolicyConfig config;
    config.precision = precision;
    const auto policy = tiny_latent_policy(config, tiny_latent_config(), team);
    std::vector<ShiftedBatch> shifts;
    const auto together = predictions(*policy, group_of(prompt, completions), shifts, team,
                                      PredictionGradient::everything);
    for (size_t i = 0; i < whole.size(); ++i) {
      std::vector<ShiftedBatch> own;
      const auto apart =
          predictions(*policy, packed_of({whole[i]}), own, team, PredictionGradient::everything);
      for (size_t k = 0; k < 2; ++k) {
        const auto depth = static_cast<int64_t>(k) + 1;
        const auto& segments = shifts[k].batch.segments;
        const int64_t shared = std::ssize(prompt) - depth;
        REQUIRE(segments[0].length == shared);
        CHECK(at::equal(together[k].narrow(0, 0, shared), apart[k].narrow(0, 0, shared)));
        const auto& segment = segments[i + 1];
        CHECK(at::equal(together[k].narrow(0, segment.begin, segment.length),
                        apart[k].narrow(0, shared, segment.length)));
      }
    }
  }
}

TEST_CASE("gradients of prediction modules equal ATen's", "[policy][prediction]") {
  ThreadTeam team(2);
  const auto batch =
      group_of(tiny_tokens(9, 61, 1), {tiny_tokens(5, 61, 2), tiny_tokens(7, 61, 3)});
  for (const auto gradient : {PredictionGradient::everything, PredictionGradient::module_alone}) {
    std::map<std::string, at::Tensor> wanted;
    for (const Compute compute : {Compute::reference, Compute::native}) {
      const auto policy = tiny_latent_policy(config_of(compute), tiny_latent_config(), team);
      std::vector<ShiftedBatch> shifts;
      const auto states = predictions(*policy, batch, shifts, team, gradient);
      at::Tensor loss = at::zeros({});
      for (size_t k = 0; k < states.size(); ++k) {
        ScoreList list;
        for (int64_t row = 0; row < states[k].size(0); ++row) {
          list.rows.push_back(row);
          list.targets.push_back((7 * row + 3) % 61);
        }
        const auto scores = policy->score_predictions(states[k], list, gradient, team);
        loss = loss + (scores.logprobs * at::linspace(-1, 1, scores.logprobs.size(0))).sum();
      }
      torch::autograd::backward({loss}, {});
      for (const auto& p : policy->parameters()) {
        INFO(p.name);
        const bool is_module = p.name.find("layers.2.") != std::string::npos ||
                               p.name.find("layers.3.") != std::string::npos;
        if (is_module) CHECK(largest(p.grad) > 0);
        if (!is_module && gradient == PredictionGradient::module_alone) CHECK(largest(p.grad) == 0);
        if (!is_module && gradient == PredictionGradient::everything) CHECK(largest(p.grad) > 0);
        if (compute == Compute::reference) {
          wanted[p.name] = p.grad;
        } else {
          CHECK(largest(p.grad - wanted[p.name]) < 1e-4 * std::max(1.0, largest(wanted[p.name])));
        }
      }
    }
  }
}

TEST_CASE("drafts through the cache agree with the packed pass", "[policy][prediction]") {
  ThreadTeam team(2);
  const auto tokens = tiny_tokens(40, 61, 8);
  at::NoGradGuard no_grad;
  for (const Compute compute : {Compute::native, Compute::reference}) {
    for (const LatentCache form : {LatentCache::absorbed, LatentCache::expanded}) {
      PolicyConfig config = config_of(compute);
      config.latent_cache = form;
      const auto policy = tiny_latent_policy(config, tiny_latent_config(), team);
      std::vector<ShiftedBatch> shifts;
      const auto state = predictions(*policy, packed_of({tokens}), shifts, team,
                                     PredictionGradient::everything)[0];
      std::vector<int64_t> rows;
      for (int64_t i = 0; i < state.size(0); ++i) rows.push_back(i);
      const auto wanted = policy->logits(state, rows, team);

      KvCache cache(policy->model_config(), policy->compute_dtype(), policy->device(), 4,
                    CachedLayers::with_prediction_modules);
      const std::vector<int32_t> table{2, 0, 1};
      for (int64_t begin = 0; begin < std::ssize(tokens); begin += 8) {
        DecodeBatch batch;
        batch.block_tables = {table};
        for (int64_t i = begin; i < begin + 8; ++i) {
          batch.tokens.push_back(tokens[static_cast<size_t>(i)]);
          batch.places.push_back(static_cast<int32_t>(i));
          batch.sequences.push_back(0);
        }
        const auto hidden = policy->decode_hidden(batch, cache, team);
        DraftBatch draft;
        draft.rows.block_tables = {table};
        draft.rows.first_place = 1;
        for (int64_t i = begin + 1; i < std::min<int64_t>(begin + 9, std::ssize(tokens)); ++i) {
          draft.rows.tokens.push_back(tokens[static_cast<size_t>(i)]);
          draft.rows.places.push_back(static_cast<int32_t>(i));
          draft.rows.sequences.push_back(0);
          draft.rows.logit_rows.push_back(i - begin - 1);
        }
        const int64_t count = std::ssize(draft.rows.tokens);
        draft.hidden = hidden.narrow(0, 0, count).contiguous();
        const auto logits = policy->draft(draft, cache, team);
        CHECK(largest(logits - wanted.narrow(0, begin, count)) < 1e-4);
      }
    }
  }
}

TEST_CASE("adapters leave the prediction modules as they are", "[policy][prediction][lora]") {
  ThreadTeam team(1);
  PolicyConfig config;
  config.lora.rank = 2;
  const auto policy = Policy::initialize(config, tiny_latent_config(), 3, team);
  for (const auto& p : policy->parameters()) {
    CHECK(p.name.find("layers.2.") == std::string::npos);
    CHECK(p.name.find("layers.3.") == std::string::npos);
  }
}
