#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "tests/catch.h"
#include "tests/policy/tiny_latent_model.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

double largest(const at::Tensor& difference) {
  return difference.abs().max().item<double>();
}

/// Configs that differ in what latent attention can be.
std::vector<std::pair<std::string, nlohmann::json>> variants() {
  const auto plain = tiny_latent_config();
  auto half_split = plain;
  half_split["rope_interleave"] = false;
  half_split["q_lora_rank"] = nullptr;
  auto yarn = plain;
  yarn["rope_scaling"] = {
      {"type", "yarn"},       {"factor", 40},   {"original_max_position_embeddings", 16},
      {"beta_fast", 32},      {"beta_slow", 1}, {"mscale", 1.0},
      {"mscale_all_dim", 1.0}};
  yarn["attention_bias"] = true;
  yarn["rms_norm_eps"] = 1e-3;
  auto odd = plain;
  odd["qk_nope_head_dim"] = 7;
  odd["v_head_dim"] = 9;
  odd["kv_lora_rank"] = 11;
  return {
      {"plain", plain}, {"half-split, no query rank", half_split}, {"yarn", yarn}, {"odd", odd}};
}

PolicyConfig config_of(Compute compute, LatentCache cache = LatentCache::absorbed,
                       Precision precision = Precision::float32) {
  PolicyConfig config;
  config.compute = compute;
  config.latent_cache = cache;
  config.precision = precision;
  return config;
}

at::Tensor decode_in_chunks(const Policy& policy, const std::vector<int64_t>& tokens, int64_t chunk,
                            ThreadTeam& team) {
  KvCache cache(policy.model_config(), policy.compute_dtype(), policy.device(), 16);
  std::vector<int32_t> table;
  for (int32_t block = 0; block * kBlockTokens < std::ssize(tokens); ++block)
    table.push_back(15 - 2 * block);
  std::vector<at::Tensor> parts;
  for (int64_t begin = 0; begin < std::ssize(tokens); begin += chunk) {
    DecodeBatch rows;
    rows.block_tables = {table};
    for (int64_t i = begin; i < std::min(begin + chunk, std::ssize(tokens)); ++i) {
      rows.tokens.push_back(tokens[static_cast<size_t>(i)]);
      rows.places.push_back(static_cast<int32_t>(i));
      rows.sequences.push_back(0);
      rows.logit_rows.push_back(i - begin);
    }
    parts.push_back(policy.decode(rows, cache, team));
  }
  return at::cat(parts);
}

std::vector<int64_t> all_rows(int64_t count) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < count; ++i) rows.push_back(i);
  return rows;
}

at::Tensor packed_logits(const Policy& policy, const std::vector<int64_t>& tokens,
                         ThreadTeam& team) {
  at::NoGradGuard no_grad;
  return policy.logits(policy.forward(packed_of({tokens}), team), all_rows(std::ssize(tokens)),
                       team);
}

/// The decoder by its formulas, in float64, as models are described (DeepSeek-V2, 2.1).
class ByFormula {
 public:
  explicit ByFormula(Policy& policy) : c_(policy.model_config()) {
    for (const auto& p : policy.parameters()) w_[p.name] = p.value.detach().to(at::kDouble);
  }

  at::Tensor logits(const std::vector<int64_t>& tokens) const {
    auto x = w_.at("model.embed_tokens.weight").index_select(0, at::tensor(tokens));
    for (int64_t l = 0; l < c_.num_layers; ++l) {
      const std::string prefix = "model.layers." + std::to_string(l) + ".";
      x = x +
          attention(norm(x, prefix + "input_layernorm", c_.rms_norm_eps), prefix + "self_attn.");
      const auto h = norm(x, prefix + "post_attention_layernorm", c_.rms_norm_eps);
      x = x +
          linear(at::silu(linear(h, prefix + "mlp.gate_proj")) * linear(h, prefix + "mlp.up_proj"),
                 prefix + "mlp.down_proj");
    }
    return linear(norm(x, "model.norm", c_.rms_norm_eps), "lm_head");
  }

 private:
  at::Tensor norm(const at::Tensor& x, const std::string& name, double eps) const {
    return x * at::rsqrt(x.square().mean({-1}, true) + eps) * w_.at(name + ".weight");
  }
  at::Tensor linear(const at::Tensor& x, const std::string& name) const {
    auto y = x.matmul(w_.at(name + ".weight").t());
    return w_.contains(name + ".bias") ? y + w_.at(name + ".bias") : y;
  }

  /// x [T, H, r] turned by its places.
  at::Tensor turned(const at::Tensor& x) const {
    const int64_t half = c_.latent.rope_dim / 2;
    const auto frequencies = rope_frequencies(c_.rope, c_.latent.rope_dim);
    auto out = at::empty_like(x);
    for (int64_t i = 0; i < half; ++i) {
      const int64_t a = c_.latent.rope_interleave ? 2 * i : i;
      const int64_t b = c_.latent.rope_interleave ? 2 * i + 1 : i + half;
      const auto angle = at::arange(x.size(0), at::kDouble).unsqueeze(1) *
                         static_cast<double>(frequencies.inv_freq[static_cast<size_t>(i)]);
      const auto cos = angle.cos() * static_cast<double>(frequencies.attention_factor);
      const auto sin = angle.sin() * static_cast<double>(frequencies.attention_factor);
      out.select(2, a).copy_(x.select(2, a) * cos - x.select(2, b) * sin);
      out.select(2, b).copy_(x.select(2, b) * cos + x.select(2, a) * sin);
    }
    return out;
  }

  at::Tensor attention(const at::Tensor& h, const std::string& name) const {
    const LatentConfig& m = c_.latent;
    const int64_t T = h.size(0);
    auto q = m.q_rank > 0 ? linear(norm(linear(h, name + "q_a_proj"), name + "q_a_layernorm", 1e-6),
                                   name + "q_b_proj")
                          : linear(h, name + "q_proj");
    q = q.reshape({T, c_.num_heads, m.nope_dim + m.rope_dim});
    q = at::cat({q.narrow(2, 0, m.nope_dim), turned(q.narrow(2, m.nope_dim, m.rope_dim))}, 2);
    const auto c = linear(h, name + "kv_a_proj_with_mqa");
    const auto latent = norm(c.narrow(1, 0, m.kv_rank), name + "kv_a_layernorm", 1e-6);
    const auto rope = turned(c.narrow(1, m.kv_rank, m.rope_dim).unsqueeze(1));
    const auto kv =
        linear(latent, name + "kv_b_proj").reshape({T, c_.num_heads, m.nope_dim + m.value_dim});
    const auto k =
        at::cat({kv.narrow(2, 0, m.nope_dim), rope.expand({T, c_.num_heads, m.rope_dim})}, 2);
    auto scores = at::einsum("thd,shd->hts", {q, k}) * m.softmax_scale;
    scores = scores.masked_fill(at::ones({T, T}, at::kBool).triu(1), -HUGE_VAL);
    const auto out =
        at::einsum("hts,shv->thv", {scores.softmax(-1), kv.narrow(2, m.nope_dim, m.value_dim)});
    return linear(out.reshape({T, -1}), name + "o_proj");
  }

  const ModelConfig& c_;
  std::map<std::string, at::Tensor> w_;
};

}  // namespace

TEST_CASE("latent attention equals its formula, packed and through either cache",
          "[policy][latent]") {
  ThreadTeam team(2);
  const auto tokens = tiny_tokens(75, 61, 1);
  for (const auto& [name, model] : variants()) {
    for (const Compute compute : {Compute::native, Compute::reference}) {
      for (const LatentCache cache : {LatentCache::absorbed, LatentCache::expanded}) {
        INFO(name << (compute == Compute::native ? ", native" : ", reference")
                  << (cache == LatentCache::absorbed ? ", absorbed" : ", expanded"));
        const auto policy = tiny_latent_policy(config_of(compute, cache), model, team);
        const auto wanted = ByFormula(*policy).logits(tokens);
        REQUIRE(largest(wanted) > 1.0);
        CHECK(largest(packed_logits(*policy, tokens, team) - wanted) < 1e-4);
        CHECK(largest(decode_in_chunks(*policy, tokens, 1, team) - wanted) < 1e-4);
        CHECK(largest(decode_in_chunks(*policy, tokens, 20, team) - wanted) < 1e-4);
      }
    }
  }
}

TEST_CASE("the latent cache gives the same bits however a sequence was fed to it",
          "[policy][latent][exact]") {
  ThreadTeam team(3);
  ThreadTeam alone(1);
  const auto tokens = tiny_tokens(90, 61, 2);
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    const auto policy = tiny_latent_policy(
        config_of(Compute::native, LatentCache::absorbed, precision), tiny_latent_config(), team);
    const auto wanted = decode_in_chunks(*policy, tokens, 1, alone);
    for (const int64_t chunk : {1, 7, 16, 64, 90}) {
      CHECK(at::equal(decode_in_chunks(*policy, tokens, chunk, team), wanted));
    }
  }
}

TEST_CASE("the expanded cache gives the bits of the packed pass", "[policy][latent][exact]") {
  ThreadTeam team(2);
  ThreadTeam alone(1);
  const auto tokens = tiny_tokens(50, 61, 3);
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    for (const auto& [name, model] : variants()) {
      INFO(name);
      const auto policy = tiny_latent_policy(
          config_of(Compute::native, LatentCache::expanded, precision), model, team);
      const auto wanted = packed_logits(*policy, tokens, team);
      CHECK(at::equal(decode_in_chunks(*policy, tokens, 1, alone), wanted));
      CHECK(at::equal(decode_in_chunks(*policy, tokens, 13, team), wanted));
    }
  }
}

TEST_CASE("the latent cache holds the latent and one rope key per token", "[policy][latent]") {
  ThreadTeam team(1);
  const auto absorbed = tiny_latent_policy(config_of(Compute::native), tiny_latent_config(), team);
  const auto expanded = tiny_latent_policy(config_of(Compute::native, LatentCache::expanded),
                                           tiny_latent_config(), team);
  CHECK(KvCache::bytes_per_block(absorbed->model_config(), at::kFloat) == 2 * 16 * (12 + 8) * 4);
  CHECK(KvCache::bytes_per_block(absorbed->model_config(), at::kBFloat16,
                                 CachedLayers::with_prediction_modules) == 4 * 16 * (12 + 8) * 2);
  CHECK(KvCache::bytes_per_block(expanded->model_config(), at::kFloat) ==
        2 * 16 * 4 * (18 + 12) * 4);
}

TEST_CASE("gradients of latent attention equal ATen's", "[policy][latent]") {
  ThreadTeam team(2);
  const auto batch = packed_of({tiny_tokens(20, 61, 4), tiny_tokens(33, 61, 5)});
  ScoreList list;
  for (int64_t row = 0; row + 1 < batch.num_rows(); ++row) {
    list.rows.push_back(row);
    list.targets.push_back(batch.tokens[static_cast<size_t>(row) + 1]);
  }
  for (const auto& [name, model] : variants()) {
    for (const int rank : {0, 3}) {
      std::map<std::string, at::Tensor> wanted;
      for (const Compute compute : {Compute::reference, Compute::native}) {
        PolicyConfig config = config_of(compute);
        config.lora.rank = rank;
        const auto policy = Policy::initialize(config, model, 3, team);
        if (rank > 0) {
          at::NoGradGuard no_grad;
          for (auto& p : policy->parameters()) {
            if (p.name.ends_with("lora_B.weight")) p.value.fill_(0.02);
          }
          policy->publish_weights(team);
        }
        const auto scores = policy->score(policy->forward(batch, team), list, 1.0, team);
        torch::autograd::backward(
            {(scores.logprobs * at::linspace(-1, 1, scores.logprobs.size(0))).sum()}, {});
        for (const auto& p : policy->parameters()) {
          if (compute == Compute::reference) {
            wanted[p.name] = p.grad;
            continue;
          }
          INFO(name << " " << p.name);
          const double scale = std::max(1.0, largest(wanted[p.name]));
          CHECK(largest(p.grad - wanted[p.name]) < 1e-4 * scale);
          if (rank > 0 && p.name.find("layers.0.self_attn") != std::string::npos)
            CHECK(largest(p.grad) > 0);
        }
      }
    }
  }
}

TEST_CASE("decoding follows weights and adapters that were trained", "[policy][latent]") {
  ThreadTeam team(2);
  const auto tokens = tiny_tokens(30, 61, 6);
  for (const Compute compute : {Compute::native, Compute::reference}) {
    for (const int rank : {0, 3}) {
      PolicyConfig config = config_of(compute);
      config.lora.rank = rank;
      const auto policy = Policy::initialize(config, tiny_latent_config(), 3, team);
      const auto before = decode_in_chunks(*policy, tokens, 30, team);
      CHECK(largest(before - packed_logits(*policy, tokens, team)) < 1e-4);
      {
        at::NoGradGuard no_grad;
        for (auto& p : policy->parameters()) {
          if (p.name.find("kv_b_proj") == std::string::npos) continue;
          RandomStream random(4, hash_text(p.name));
          auto* values = p.value.data_ptr<float>();
          for (int64_t i = 0; i < p.value.numel(); ++i)
            values[i] += static_cast<float>(0.3 * random.normal());
        }
      }
      policy->publish_weights(team);
      const auto after = decode_in_chunks(*policy, tokens, 30, team);
      CHECK(largest(after - before) > 1e-2);
      CHECK(largest(after - packed_logits(*policy, tokens, team)) < 1e-4);
    }
  }
}

TEST_CASE("a sampler with weights of its own follows the latent projections that were trained",
          "[policy][latent]") {
  ThreadTeam team(2);
  const auto tokens = tiny_tokens(30, 61, 7);
  for (const RolloutWeights weights : {RolloutWeights::int8, RolloutWeights::fp8}) {
    PolicyConfig config = config_of(Compute::native);
    config.rollout_weights = weights;
    const auto policy = Policy::initialize(config, tiny_latent_config(), 3, team);
    const auto near = [&] {
      const auto wanted = packed_logits(*policy, tokens, team);
      const auto sampled = decode_in_chunks(*policy, tokens, 7, team);
      return (sampled - wanted).abs().mean().item<double>() / wanted.abs().mean().item<double>();
    };
    CHECK(near() < 0.2);
    {
      at::NoGradGuard no_grad;
      for (auto& p : policy->parameters()) {
        if (p.name.find("kv_b_proj") != std::string::npos) p.value.neg_();
      }
    }
    CHECK(near() > 0.0);
    const auto before = decode_in_chunks(*policy, tokens, 7, team);
    policy->publish_weights(team);
    CHECK(largest(decode_in_chunks(*policy, tokens, 7, team) - before) > 0.1);
    CHECK(near() < 0.2);
  }
}
