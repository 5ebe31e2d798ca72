#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "policy/formats/adapter_targets.h"

namespace gradus::policy {

enum class DeviceKind { cpu, cuda };
enum class Precision { float32, bfloat16 };
/// native: the project's CPU kernels. reference: plain ATen operations, on any device.
enum class Compute { automatic, native, reference };
/// What the cache of latent attention holds: one latent and one rope key per token, or keys and
/// values of every head.
enum class LatentCache { absorbed, expanded };

/// FP8 as DeepSeek-V3 trains with it (arXiv:2412.19437, 3.3): the three products of the linear
/// layers of attention, feed-forwards and experts take E4M3 numbers under scales of 1 x 128
/// (inputs, output gradients) and 128 x 128 (weights), and are added in float32. Embedding, head,
/// norms, router, eh_proj and attention's core are not touched. simulated: their values, in the
/// products of model.precision; real: on the device's FP8 units.
enum class Fp8Mode { off, simulated, real };

/// What the weights are rounded to for sampling, beside the training pass's own.
enum class RolloutWeights { compute, fp8, int8 };

/// Low-rank adapters (Hu et al., arXiv:2106.09685): y = W x + alpha / rank * B A x.
struct LoraConfig {
  int rank = 0;
  double alpha = 16.0;
  std::string path;
  uint64_t seed = 0;
  std::vector<std::string> targets = adapter_targets();
};

/// Settings `model.*`.
struct PolicyConfig {
  std::string path;
  DeviceKind device = DeviceKind::cpu;
  Precision precision = Precision::float32;
  Compute compute = Compute::automatic;
  LatentCache latent_cache = LatentCache::absorbed;
  bool activation_checkpointing = false;
  bool allow_nonfinite = false;
  int head_chunk_rows = 256;
  Fp8Mode fp8 = Fp8Mode::off;
  RolloutWeights rollout_weights = RolloutWeights::compute;
  LoraConfig lora;
};

template <class Field>
void describe(LoraConfig& c, Field&& field) {
  field("rank", c.rank, at_least(0), "rank of the adapters; 0: all weights are trained");
  field("alpha", c.alpha, positive(), "the adapters' product is scaled by alpha / rank");
  field("path", c.path, any(), "adapters to start from, in PEFT's format; empty: fresh ones");
  field("seed", c.seed, any(), "of fresh adapters");
  field("targets", c.targets, non_empty(),
        "linear layers that get adapters, by the last part of their names");
}

template <class Field>
void describe(PolicyConfig& c, Field&& field) {
  field("path", c.path, any(), "checkpoint: a Hugging Face directory or a GGUF file");
  field("device", c.device,
        one_of<DeviceKind>({{"cpu", DeviceKind::cpu}, {"cuda", DeviceKind::cuda}}),
        "where the policy lives");
  field("precision", c.precision,
        one_of<Precision>({{"float32", Precision::float32}, {"bfloat16", Precision::bfloat16}}),
        "of matrix products and the KV cache; the optimizer's weights are float32 always");
  field("compute", c.compute,
        one_of<Compute>({{"auto", Compute::automatic},
                         {"native", Compute::native},
                         {"reference", Compute::reference}}),
        "native: the project's CPU kernels; reference: ATen operations; auto: native on the CPU");
  field("latent_cache", c.latent_cache,
        one_of<LatentCache>(
            {{"absorbed", LatentCache::absorbed}, {"expanded", LatentCache::expanded}}),
        "of latent attention; absorbed: one latent per token; expanded: keys and values of every "
        "head, more memory, but sampled logprobs have the bits of training");
  field("activation_checkpointing", c.activation_checkpointing, any(),
        "recompute each layer in the backward pass: less memory, a third more time");
  field("allow_nonfinite", c.allow_nonfinite, any(),
        "load a checkpoint that holds NaN or infinity");
  field("head_chunk_rows", c.head_chunk_rows, at_least(1),
        "rows of logits that exist at one time in training");
  field("fp8", c.fp8,
        one_of<Fp8Mode>(
            {{"off", Fp8Mode::off}, {"simulated", Fp8Mode::simulated}, {"real", Fp8Mode::real}}),
        "FP8 products as DeepSeek-V3's; simulated: their values on any device; real: on a GPU's "
        "FP8 units");
  field("rollout_weights", c.rollout_weights,
        one_of<RolloutWeights>({{"compute", RolloutWeights::compute},
                                {"fp8", RolloutWeights::fp8},
                                {"int8", RolloutWeights::int8}}),
        "what weights are rounded to for sampling alone: compute: as in training; fp8: blocks of "
        "128 x 128; int8: rows. sampling/* shows what that costs");
  field.section("lora", c.lora, "low-rank adapters instead of all weights");
}

/// What a policy is loaded for.
enum class Purpose {
  inference,  ///< compute weights only; parameters() is empty
  training,   ///< float32 weights and gradients as well
};

/// Whether the native kernels compute: results then have the same bits however rows are batched and
/// however many threads there are.
inline bool is_native(const PolicyConfig& config) {
  return config.device == DeviceKind::cpu && config.compute != Compute::reference;
}

/// Threads that ATen should have beside a team of `threads`: one where the native kernels compute,
/// as ATen's workers spin after each of its operations and would take cores from the team.
inline int aten_threads(const PolicyConfig& config, int threads) {
  return is_native(config) ? 1 : threads;
}

}  // namespace gradus::policy
