#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "policy/ops/routing.h"
#include "tests/catch.h"
#include "tests/policy/parity_fixture.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

const char* const kFixtures[] = {"qwen3_moe",        "mixtral",         "deepseek_v3_base",
                                 "deepseek_v3_bf16", "deepseek_v3_fp8", "deepseek_v3_no_qlora",
                                 "deepseek_v3_yarn", "deepseek_v3_mtp"};

double largest(const at::Tensor& difference) {
  return difference.numel() == 0 ? 0.0 : difference.abs().max().item<double>();
}

/// Scores of every next token of a fixture without padding.
ScoreList next_tokens(const PackedBatch& batch) {
  ScoreList list;
  for (const Segment& s : batch.segments) {
    for (int64_t r = s.begin; r + 1 < s.begin + s.length; ++r) {
      list.rows.push_back(r);
      list.targets.push_back(batch.tokens[static_cast<size_t>(r + 1)]);
    }
  }
  return list;
}

std::vector<int64_t> all_rows(const PackedBatch& batch) {
  std::vector<int64_t> rows;
  for (int64_t r = 0; r < batch.num_rows(); ++r) rows.push_back(r);
  return rows;
}

/// The fixture's router choices of a mixture layer [T, K], ascending, -1 beside the end.
std::vector<std::vector<int64_t>> expected_choices(const ParityFixture& fixture, int layer) {
  const auto indices = fixture.expected("router." + std::to_string(layer) + ".indices");
  std::vector<std::vector<int64_t>> rows;
  for (int64_t t = 0; t < indices.size(0); ++t) {
    const auto* first = indices.data_ptr<int64_t>() + t * indices.size(1);
    rows.emplace_back(first, first + indices.size(1));
    std::ranges::sort(rows.back());
  }
  return rows;
}

void check_choices(const ParityFixture& fixture, const ModelConfig& model,
                   const ExpertChoices& choices) {
  int64_t mixture = 0;
  for (int l = 0; l < model.num_layers; ++l) {
    if (model.layers[static_cast<size_t>(l)].ffn != FfnKind::mixture_of_experts) continue;
    const auto wanted = expected_choices(fixture, l);
    REQUIRE(choices.num_rows() == std::ssize(wanted));
    for (int64_t t = 0; t < choices.num_rows(); ++t) {
      const auto row = choices.row(t);
      for (int64_t k = 0; k < choices.per_token; ++k) {
        CHECK(row[static_cast<size_t>(mixture * choices.per_token + k)] ==
              wanted[static_cast<size_t>(t)][static_cast<size_t>(k)]);
      }
    }
    ++mixture;
  }
  CHECK(mixture == choices.layers);
}

std::map<std::string, at::Tensor> gradients(const PolicyConfig& config, PackedBatch batch,
                                            ThreadTeam& team, double balance_weight = 0.0) {
  const auto policy = Policy::load(config, Purpose::training, team);
  RoutingPass routing;
  routing.balance_weight = balance_weight;
  batch.routing = &routing;
  const auto scores = policy->score(policy->forward(batch, team), next_tokens(batch), 0.7, team);
  torch::autograd::backward(
      {(scores.logprobs * at::linspace(-1, 1, scores.logprobs.size(0))).sum() +
       scores.entropies.sum() * 0.3},
      {});
  std::map<std::string, at::Tensor> found;
  for (const auto& parameter : policy->parameters()) found[parameter.name] = parameter.grad;
  return found;
}

PolicyConfig config_of(const ParityFixture& fixture, Compute compute) {
  PolicyConfig config;
  config.path = fixture.dir().string();
  config.compute = compute;
  return config;
}

}  // namespace

TEST_CASE("mixtures give transformers' logits, logprobs and choices", "[policy][mixture][parity]") {
  ThreadTeam team(2);
  at::NoGradGuard no_grad;
  for (const char* name : kFixtures) {
    const ParityFixture fixture(name);
    for (const Compute compute : {Compute::native, Compute::reference}) {
      INFO(name << (compute == Compute::native ? " native" : " reference"));
      const auto policy = fixture.load(team, compute, Precision::float32, Purpose::inference);
      auto batch = fixture.pack().batch;
      RoutingPass routing;
      routing.keeps_choices = true;
      batch.routing = &routing;
      const auto hidden = policy->forward(batch, team);
      const auto logits = policy->logits(hidden, all_rows(batch), team);
      CHECK(largest(logits - fixture.expected("logits").flatten(0, 1)) < 1e-4);
      const auto scores = policy->score(hidden, next_tokens(batch), 1.0, team);
      CHECK(largest(scores.logprobs - fixture.expected("logprobs").flatten()) < 1e-4);
      check_choices(fixture, policy->model_config(), routing.choices);
    }
  }
}

TEST_CASE("gradients of mixtures equal transformers'", "[policy][mixture][parity]") {
  ThreadTeam team(2);
  for (const char* name : kFixtures) {
    const ParityFixture fixture(name);
    if (!std::filesystem::exists(fixture.dir() / "expected_grads.safetensors")) continue;
    const auto batch = fixture.pack().batch;
    for (const Compute compute : {Compute::native, Compute::reference}) {
      for (const bool checkpointing : {false, true}) {
        auto config = config_of(fixture, compute);
        config.activation_checkpointing = checkpointing;
        const auto policy = Policy::load(config, Purpose::training, team);
        torch::autograd::backward(
            {policy->score(policy->forward(batch, team), next_tokens(batch), 1.0, team)
                 .logprobs.mean()},
            {});
        for (const auto& parameter : policy->parameters()) {
          INFO(name << " " << parameter.name);
          const auto wanted = fixture.expected(parameter.name, "expected_grads.safetensors");
          CHECK(at::allclose(parameter.grad, wanted, 1e-3, 1e-5));
        }
      }
    }
  }
}

TEST_CASE("native gradients of mixtures equal ATen's, with the balance loss and without",
          "[policy][mixture][parity]") {
  ThreadTeam team(2);
  for (const char* name : {"qwen3_moe", "mixtral", "deepseek_v3_base"}) {
    const ParityFixture fixture(name);
    const auto batch = fixture.pack().batch;
    auto plain = gradients(config_of(fixture, Compute::native), batch, team);
    double moved = 0;
    for (const double balance : {0.0, 3.0}) {
      auto wanted = gradients(config_of(fixture, Compute::reference), batch, team, balance);
      auto checkpointing = config_of(fixture, Compute::native);
      checkpointing.activation_checkpointing = true;
      const auto found = gradients(config_of(fixture, Compute::native), batch, team, balance);
      auto again = gradients(checkpointing, batch, team, balance);
      for (const auto& [parameter, grad] : found) {
        INFO(name << " " << parameter << " balance " << balance);
        const double scale = std::max(1.0, largest(wanted[parameter]));
        CHECK(largest(grad - wanted[parameter]) < 1e-4 * scale);
        CHECK(at::equal(grad, again[parameter]));
        moved = std::max(moved, largest(grad - plain[parameter]));
      }
    }
    CHECK(moved > 1e-2);
  }
}

TEST_CASE("gradients of mixtures have the same bits for every team", "[policy][mixture][exact]") {
  ThreadTeam alone(1);
  ThreadTeam team(2);
  for (const char* name : {"qwen3_moe", "deepseek_v3_base"}) {
    const ParityFixture fixture(name);
    for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
      auto config = config_of(fixture, Compute::native);
      config.precision = precision;
      const auto batch = fixture.pack().batch;
      auto wanted = gradients(config, batch, alone, 0.1);
      for (const auto& [parameter, grad] : gradients(config, batch, team, 0.1)) {
        INFO(name << " " << parameter);
        CHECK(at::equal(grad, wanted[parameter]));
      }
    }
  }
}

TEST_CASE("experts without rows get no gradient", "[policy][mixture]") {
  ThreadTeam team(2);
  const ParityFixture fixture("mixtral");
  for (const Compute compute : {Compute::native, Compute::reference}) {
    const auto policy = fixture.load(team, compute);
    PackedBatch batch{{5}, {0}, {{0, 1, -1}}};
    RoutingPass routing;
    routing.measures = routing.keeps_choices = true;
    batch.routing = &routing;
    const ScoreList list{{0}, {7}};
    torch::autograd::backward(
        {policy->score(policy->forward(batch, team), list, 1.0, team).logprobs.sum()}, {});
    const auto& model = policy->model_config();
    for (const auto& parameter : policy->parameters()) {
      const auto at = parameter.name.find(".experts.");
      if (at == std::string::npos) continue;
      const int layer = std::stoi(parameter.name.substr(parameter.name.find("layers.") + 7));
      const auto expert = static_cast<size_t>(std::stoi(parameter.name.substr(at + 9)));
      const bool is_used = routing.loads[static_cast<size_t>(layer)].rows[expert] > 0;
      INFO(parameter.name);
      CHECK((largest(parameter.grad) > 0.0) == is_used);
    }
    CHECK(routing.loads[0].num_rows == 1);
    CHECK(routing.choices.num_rows() == 1);
    CHECK(std::ssize(routing.loads) == num_mixture_layers(model));
  }
}

TEST_CASE("adapters reach every family's experts and attention by default",
          "[policy][mixture][lora]") {
  ThreadTeam team(2);
  const std::vector<std::pair<std::string, std::vector<std::string>>> wanted = {
      {"mixtral", {"q_proj", "k_proj", "v_proj", "o_proj", "w1", "w2", "w3"}},
      {"qwen3_moe", {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}},
      {"deepseek_v3_base",
       {"q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj", "gate_proj", "up_proj",
        "down_proj"}}};
  for (const auto& [name, layers] : wanted) {
    const ParityFixture fixture(name);
    auto config = config_of(fixture, Compute::native);
    config.lora.rank = 2;
    const auto policy = Policy::load(config, Purpose::training, team);
    std::set<std::string> adapted;
    for (const auto& parameter : policy->parameters()) {
      const auto end = parameter.name.find(".lora_A.");
      if (end == std::string::npos) continue;
      const auto begin = parameter.name.rfind('.', end - 1) + 1;
      adapted.insert(parameter.name.substr(begin, end - begin));
    }
    INFO(name);
    CHECK(adapted == std::set<std::string>(layers.begin(), layers.end()));
  }
}

TEST_CASE("fresh adapters on experts change nothing, and train alone", "[policy][mixture][lora]") {
  ThreadTeam team(2);
  const ParityFixture fixture("deepseek_v3_base");
  const auto batch = fixture.pack().batch;
  const auto list = next_tokens(batch);
  std::map<std::string, at::Tensor> wanted;
  for (const Compute compute : {Compute::reference, Compute::native}) {
    auto config = config_of(fixture, compute);
    config.lora.rank = 3;
    config.lora.targets = {"gate_proj", "up_proj", "down_proj"};
    const auto policy = Policy::load(config, Purpose::training, team);
    const auto logprobs = [&](bool use_adapters) {
      at::NoGradGuard no_grad;
      return policy->score(policy->forward(batch, team, use_adapters), list, 1.0, team).logprobs;
    };
    CHECK(largest(logprobs(true) - fixture.expected("logprobs").flatten()) < 1e-4);
    // Two mixtures of eight experts and a shared one, one dense layer.
    CHECK(policy->parameters().size() == (2 * 9 + 1) * 3 * 2);
    {
      at::NoGradGuard no_grad;
      for (auto& parameter : policy->parameters()) {
        if (parameter.name.ends_with("lora_B.weight")) parameter.value.add_(0.05);
      }
      policy->publish_weights(team);
    }
    CHECK(largest(logprobs(true) - logprobs(false)) > 1e-3);
    torch::autograd::backward(
        {policy->score(policy->forward(batch, team), list, 1.0, team).logprobs.sum()}, {});
    for (const auto& parameter : policy->parameters()) {
      if (compute == Compute::reference) {
        wanted[parameter.name] = parameter.grad;
        continue;
      }
      INFO(parameter.name);
      CHECK(at::allclose(parameter.grad, wanted[parameter.name], 1e-3, 1e-4));
    }
  }
}

TEST_CASE("given choices are compared, and obeyed where they are replayed", "[policy][mixture]") {
  ThreadTeam team(2);
  const ParityFixture fixture("qwen3_moe");
  for (const Compute compute : {Compute::native, Compute::reference}) {
    const auto policy = fixture.load(team, compute);
    at::NoGradGuard no_grad;
    auto batch = fixture.pack().batch;
    RoutingPass first;
    first.keeps_choices = true;
    batch.routing = &first;
    const auto hidden = policy->forward(batch, team);

    ExpertChoices given = first.choices;
    // Of the first row's last layer the largest number is moved to one that was not chosen.
    auto& moved = given.experts[static_cast<size_t>(given.row_size() - 1)];
    const auto& others = given.experts[static_cast<size_t>(given.row_size() - 2)];
    moved = moved == 7 ? static_cast<uint16_t>(others + 1 == 7 ? 7 : others + 1) : 7;
    const bool has_changed = given.experts != first.choices.experts;
    // And nobody knows what the second row chose.
    for (int64_t i = given.row_size(); i < 2 * given.row_size(); ++i) {
      given.experts[static_cast<size_t>(i)] = ExpertChoices::kUnknown;
    }
    for (const bool replays : {false, true}) {
      RoutingPass second;
      second.given = &given;
      second.replays = replays;
      second.measures = second.keeps_choices = true;
      batch.routing = &second;
      const auto again = policy->forward(batch, team);
      const int64_t compared = (batch.num_rows() - 1) * given.per_token;
      for (const auto& load : second.loads) CHECK(load.num_compared == compared);
      CHECK(second.loads.back().num_differing == (has_changed ? 1 : 0));
      CHECK(second.loads.front().num_differing == 0);
      CHECK(at::equal(again, hidden) == !(replays && has_changed));
      CHECK(at::equal(again.narrow(0, 24, 24), hidden.narrow(0, 24, 24)));
      const auto& chosen = second.choices.experts[static_cast<size_t>(given.row_size() - 1)];
      CHECK((chosen == moved) == (replays || !has_changed));
    }
    given.experts[0] = 999;
    RoutingPass bad;
    bad.given = &given;
    bad.replays = true;
    batch.routing = &bad;
    CHECK_THROWS_AS(policy->forward(batch, team), ArgumentError);
    given.experts.resize(static_cast<size_t>(given.row_size()));
    CHECK_THROWS_AS(policy->forward(batch, team), ArgumentError);
  }
}

TEST_CASE("the cache's rows choose as those of the packed pass", "[policy][mixture][exact]") {
  ThreadTeam team(2);
  const ParityFixture fixture("mixtral");
  const auto policy = fixture.load(team, Compute::native, Precision::bfloat16, Purpose::inference);
  at::NoGradGuard no_grad;
  auto batch = fixture.pack().batch;
  RoutingPass packed;
  packed.keeps_choices = true;
  batch.routing = &packed;
  policy->forward(batch, team);
  KvCache cache(policy->model_config(), policy->compute_dtype(), policy->device(), 4);
  const std::vector<int32_t> table{2, 0};
  for (int32_t i = 0; i < 24; ++i) {
    RoutingPass decoded;
    decoded.keeps_choices = true;
    DecodeBatch row;
    row.tokens = {batch.tokens[static_cast<size_t>(i)]};
    row.places = {i};
    row.sequences = {0};
    row.block_tables = {table};
    row.logit_rows = {0};
    row.routing = &decoded;
    policy->decode(row, cache, team);
    CHECK(std::ranges::equal(decoded.choices.row(0), packed.choices.row(i)));
  }
}

TEST_CASE("the routers' biases are saved and loaded, and are no parameters", "[policy][mixture]") {
  ThreadTeam team(2);
  const ParityFixture fixture("deepseek_v3_base");
  const auto folder = std::filesystem::temp_directory_path() / "gradus_mixture_test";
  std::filesystem::remove_all(folder);
  auto config = config_of(fixture, Compute::native);
  const auto policy = Policy::load(config, Purpose::training, team);
  REQUIRE(policy->buffers().size() == 2);
  for (const auto& parameter : policy->parameters()) {
    CHECK(parameter.name.find("e_score_correction_bias") == std::string::npos);
  }
  for (const auto& buffer : policy->buffers()) {
    CHECK(buffer.name.ends_with("mlp.gate.e_score_correction_bias"));
    buffer.value.data_ptr<float>()[1] += 0.001953126F;
  }
  config.precision = Precision::float32;
  policy->save(folder);
  config.path = folder.string();
  const auto loaded = Policy::load(config, Purpose::inference, team);
  for (size_t i = 0; i < policy->buffers().size(); ++i) {
    CHECK(at::equal(policy->buffers()[i].value, loaded->buffers()[i].value));
  }
  std::filesystem::remove_all(folder);
}
