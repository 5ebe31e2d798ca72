// Where norms stand, what gates the feed-forward and how positions turn, against the formulas in
// plain ATen. Shapes: T rows, D width, H query heads, G KV heads, d head width.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/random.h"
#include "policy/model/decoder.h"
#include "tests/catch.h"
#include "tests/policy/tiny_mixture_model.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

using Weights = std::map<std::string, at::Tensor>;

struct Norms {
  bool before;
  bool behind;
};
constexpr Norms kPlacements[] = {{true, false}, {false, true}, {true, true}};

/// Two layers, the first of which sees three tokens and turns by a rope of its own.
ModelConfig local_and_global(Norms norms) {
  auto config = parse_model_config({{"architectures", {"LlamaForCausalLM"}},
                                    {"model_type", "llama"},
                                    {"vocab_size", 40},
                                    {"hidden_size", 24},
                                    {"intermediate_size", 40},
                                    {"num_hidden_layers", 2},
                                    {"num_attention_heads", 4},
                                    {"num_key_value_heads", 2},
                                    {"head_dim", 6},
                                    {"hidden_act", "gelu_pytorch_tanh"},
                                    {"max_position_embeddings", 64},
                                    {"torch_dtype", "float32"}},
                                   "test");
  config.norm_before = norms.before;
  config.norm_behind = norms.behind;
  config.layers[0].sliding_window = 3;
  config.layers[0].has_local_rope = true;
  config.local_rope.theta = 50.0;
  return config;
}

Decoder decoder_of(const ModelConfig& config, Compute compute, ThreadTeam& team) {
  PolicyConfig settings;
  settings.compute = compute;
  const auto source = [](const std::string& name, const std::vector<int64_t>& shape,
                         std::span<float> out) {
    RandomStream random(7, hash_text(name), 0, 0);
    const double middle = shape.size() == 1 ? 1.0 : 0.0;
    for (float& value : out) value = static_cast<float>(middle + 0.3 * random.normal());
  };
  return Decoder(settings, config, Purpose::training, source, team);
}

PackedBatch one_sequence(int64_t length, int64_t vocab) {
  PackedBatch batch;
  for (int64_t i = 0; i < length; ++i) batch.tokens.push_back((7 * i + 3) % vocab);
  batch.positions.resize(static_cast<size_t>(length));
  std::iota(batch.positions.begin(), batch.positions.end(), 0);
  batch.segments = {{0, length, -1}};
  return batch;
}

at::Tensor rms(const at::Tensor& x, const at::Tensor& weight) {
  return x * at::rsqrt(x.square().mean({-1}, true) + 1e-6) * weight;
}

/// x [T, H, d] turned by the angles place * theta^(-2i/d).
at::Tensor turned(const at::Tensor& x_THd, double theta) {
  const int64_t half = x_THd.size(2) / 2;
  const auto place = at::arange(x_THd.size(0), at::kFloat).reshape({-1, 1, 1});
  const auto power = at::arange(half, at::kFloat) * (-1.0 / static_cast<double>(half));
  const auto angle = place * at::pow(theta, power);
  const auto a = x_THd.narrow(2, 0, half);
  const auto b = x_THd.narrow(2, half, half);
  return at::cat({a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()}, 2);
}

at::Tensor plain_attention(const ModelConfig& c, const Weights& w, const std::string& prefix,
                           const at::Tensor& x_TD, const LayerConfig& layer) {
  const int64_t T = x_TD.size(0);
  const double theta = layer.has_local_rope ? c.local_rope.theta : c.rope.theta;
  const auto heads = [&](const char* name, int64_t count) {
    return at::linear(x_TD, w.at(prefix + name)).reshape({T, count, c.head_dim});
  };
  const int64_t repeats = c.num_heads / c.num_kv_heads;
  const auto q = turned(heads("self_attn.q_proj.weight", c.num_heads), theta);
  const auto k =
      turned(heads("self_attn.k_proj.weight", c.num_kv_heads), theta).repeat_interleave(repeats, 1);
  const auto v = heads("self_attn.v_proj.weight", c.num_kv_heads).repeat_interleave(repeats, 1);
  const auto scores_HTT = at::matmul(q.transpose(0, 1), k.permute({1, 2, 0})) /
                          std::sqrt(static_cast<double>(c.head_dim));
  const auto distance = at::arange(T).unsqueeze(1) - at::arange(T).unsqueeze(0);
  auto hidden = distance < 0;
  if (layer.sliding_window > 0) hidden = hidden.logical_or(distance >= layer.sliding_window);
  const auto p_HTT =
      at::softmax(scores_HTT.masked_fill(hidden, -std::numeric_limits<float>::infinity()), -1);
  const auto mixed = at::matmul(p_HTT, v.transpose(0, 1)).transpose(0, 1).reshape({T, -1});
  return at::linear(mixed, w.at(prefix + "self_attn.o_proj.weight"));
}

at::Tensor plain_feed_forward(const Weights& w, const std::string& prefix, const at::Tensor& x_TD) {
  const auto gate = at::linear(x_TD, w.at(prefix + "mlp.gate_proj.weight"));
  const auto up = at::linear(x_TD, w.at(prefix + "mlp.up_proj.weight"));
  return at::linear(at::gelu(gate, "tanh") * up, w.at(prefix + "mlp.down_proj.weight"));
}

at::Tensor plain_decoder(const ModelConfig& c, const Weights& w, const PackedBatch& batch) {
  auto x_TD = at::embedding(w.at("model.embed_tokens.weight"), at::tensor(batch.tokens));
  for (int64_t l = 0; l < c.num_layers; ++l) {
    const std::string prefix = "model.layers." + std::to_string(l) + ".";
    const auto before = [&](const at::Tensor& x, const char* name) {
      return c.norm_before ? rms(x, w.at(prefix + name)) : x;
    };
    const auto behind = [&](const at::Tensor& y, const char* name) {
      return c.norm_behind ? rms(y, w.at(prefix + name)) : y;
    };
    const LayerConfig& layer = c.layers[static_cast<size_t>(l)];
    x_TD =
        x_TD + behind(plain_attention(c, w, prefix, before(x_TD, "input_layernorm.weight"), layer),
                      "post_self_attn_layernorm.weight");
    x_TD = x_TD +
           behind(plain_feed_forward(w, prefix, before(x_TD, "post_attention_layernorm.weight")),
                  "post_mlp_layernorm.weight");
  }
  return rms(x_TD, w.at("model.norm.weight"));
}

/// Of the hidden states times fixed numbers.
void backward_from(const at::Tensor& hidden_TD) {
  const auto slopes = at::arange(hidden_TD.numel(), at::kFloat).sin().reshape(hidden_TD.sizes());
  torch::autograd::backward({(hidden_TD * slopes).sum()}, {});
}

double relative_distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>() / (1e-3 + b.abs().max().item<double>());
}

}  // namespace

TEST_CASE("norms before and behind, gelu gates and two ropes equal their formulas",
          "[policy][layers]") {
  ThreadTeam team(2);
  for (const Compute compute : {Compute::native, Compute::reference}) {
    for (const Norms norms : kPlacements) {
      INFO((compute == Compute::native ? "native" : "reference")
           << " before " << norms.before << " behind " << norms.behind);
      const ModelConfig config = local_and_global(norms);
      Decoder decoder = decoder_of(config, compute, team);
      Weights leaves;
      for (const Parameter& p : decoder.parameters()) {
        leaves[p.name] = p.value.detach().clone().requires_grad_(true);
      }
      const auto batch = one_sequence(11, config.vocab_size);
      const auto expected_TD = plain_decoder(config, leaves, batch);
      const auto hidden_TD = decoder.forward(batch, team, true);
      CHECK(relative_distance(hidden_TD, expected_TD) < 1e-5);
      backward_from(expected_TD);
      backward_from(hidden_TD);
      for (const Parameter& p : decoder.parameters()) {
        const auto& expected = leaves.at(p.name).grad();
        if (!expected.defined()) continue;  // the head
        INFO(p.name);
        CHECK(relative_distance(p.grad, expected) < 1e-4);
      }
    }
  }
}

TEST_CASE("a decoder with norms behind its blocks decodes with the bits of training",
          "[policy][layers]") {
  ThreadTeam team(2);
  const at::NoGradGuard no_grad;
  for (const Norms norms : kPlacements) {
    const ModelConfig config = local_and_global(norms);
    const Decoder decoder = decoder_of(config, Compute::native, team);
    const auto batch = one_sequence(20, config.vocab_size);
    KvCache cache(config, at::kFloat, at::kCPU, 2);
    const std::vector<int32_t> table{1, 0};
    DecodeBatch rows;
    rows.tokens = batch.tokens;
    rows.places = batch.positions;
    rows.sequences.assign(batch.tokens.size(), 0);
    rows.block_tables = {table};
    CHECK(at::equal(decoder.decode_hidden(rows, cache, team), decoder.forward(batch, team, true)));
  }
}

TEST_CASE("a mixture takes the same options in both computes", "[policy][layers][moe]") {
  ThreadTeam team(2);
  auto config = parse_model_config(tiny_softmax_mixture_config(40), "test");
  config.activation = Activation::gelu_tanh;
  for (const Norms norms : kPlacements) {
    config.norm_before = norms.before;
    config.norm_behind = norms.behind;
    Decoder native = decoder_of(config, Compute::native, team);
    Decoder reference = decoder_of(config, Compute::reference, team);
    const auto batch = one_sequence(9, config.vocab_size);
    const auto native_TD = native.forward(batch, team, true);
    const auto reference_TD = reference.forward(batch, team, true);
    CHECK(relative_distance(native_TD, reference_TD) < 1e-5);
    backward_from(native_TD);
    backward_from(reference_TD);
    for (size_t i = 0; i < native.parameters().size(); ++i) {
      INFO(native.parameters()[i].name);
      CHECK(relative_distance(native.parameters()[i].grad, reference.parameters()[i].grad) < 1e-4);
    }
  }
}
