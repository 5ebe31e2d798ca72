#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/settings/setting.h"
#include "policy/batch/kv_cache.h"
#include "policy/batch/packed_batch.h"
#include "policy/batch/shifted_batch.h"
#include "policy/formats/model_config.h"

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
  std::vector<std::string> targets = {"q_proj",
                                      "k_proj",
                                      "v_proj",
                                      "o_proj",
                                      "q_a_proj",
                                      "q_b_proj",
                                      "kv_a_proj_with_mqa",
                                      "kv_b_proj",
                                      "gate_proj",
                                      "up_proj",
                                      "down_proj",
                                      "w1",
                                      "w2",
                                      "w3"};
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

/// A trained tensor of the policy: its float32 value, and its gradient, which backward passes add
/// to until somebody zeroes it.
struct Parameter {
  std::string name;  ///< the checkpoint's name; adapters: PEFT's
  at::Tensor value;  ///< float32
  at::Tensor grad;   ///< float32, same shape
};

/// A tensor that training moves by a rule, not by a gradient: the bias by which a mixture's router
/// chooses. Part of checkpoints and of what is saved.
struct Buffer {
  std::string name;  ///< the checkpoint's
  at::Tensor value;  ///< float32, the policy's own memory
};

enum class Purpose {
  inference,  ///< compute weights only; parameters() is empty
  training,   ///< float32 weights and gradients as well
};

struct Scores {
  at::Tensor logprobs;   ///< [S] float32, of the targets at the given temperature
  at::Tensor entropies;  ///< [S] float32, nats
};

/// What the loss of multi-token prediction teaches: the model as well (pre-training), or the module
/// alone, as the draft of a policy that is trained on something else.
enum class PredictionGradient { everything, module_alone };

/// Rows of the first prediction module in decoding. A row's token stands at its own place in the
/// module's layer of the cache and joins the model's hidden state at the place before it; rows
/// begin at place 1 (first_place), as nothing is before place 0.
struct DraftBatch {
  DecodeBatch rows;
  at::Tensor hidden;  ///< [R, D] of `decode_hidden`, at the places before
};

/// The decoder of a checkpoint, with two ways through the same weights: `forward` and `score`
/// (autograd, packed sequences) and `decode` (no autograd, paged KV cache).
///
/// On the CPU both ways give a token the same bits: every kernel's row depends on that row and the
/// rows before it in its sequence alone. Threads: `decode` may run in several threads at once
/// (each with its own team and cache) while nobody trains or publishes.
class Policy {
 public:
  virtual ~Policy() = default;

  /// @throws FileError, ConfigError  as policy/formats says.
  static std::unique_ptr<Policy> load(const PolicyConfig& config, Purpose purpose,
                                      ThreadTeam& team);
  /// Fresh weights for pre-training: normal(0, initializer_range), norms 1, from config.json.
  static std::unique_ptr<Policy> initialize(const PolicyConfig& config,
                                            const nlohmann::json& model_config, uint64_t seed,
                                            ThreadTeam& team);

  virtual const ModelConfig& model_config() const = 0;
  virtual const PolicyConfig& policy_config() const = 0;
  virtual at::Device device() const = 0;
  virtual at::ScalarType compute_dtype() const = 0;

  /// Hidden states after the final norm, [T, D], recorded for autograd when grad mode is on.
  /// @param use_adapters  false: the base model below the adapters (the reference policy).
  virtual at::Tensor forward(const PackedBatch& batch, ThreadTeam& team,
                             bool use_adapters = true) const = 0;

  /// Logprobs and entropies of targets, computed from the head in chunks of rows; differentiable
  /// in both. @param hidden  what `forward` returned.
  virtual Scores score(const at::Tensor& hidden, const ScoreList& list, double temperature,
                       ThreadTeam& team, bool use_adapters = true) const = 0;

  /// Writes the rows' keys and values into the cache and returns logits [logit_rows, V] float32.
  virtual at::Tensor decode(const DecodeBatch& batch, KvCache& cache, ThreadTeam& team) const = 0;

  /// Logits [rows, V] float32 of rows of a packed batch (no autograd), e.g. for `model logits`.
  virtual at::Tensor logits(const at::Tensor& hidden, std::span<const int64_t> rows,
                            ThreadTeam& team) const = 0;

  /// What `decode` computes before the head: hidden states of all rows after the final norm, [R,
  /// D]; `logits` of them are decode's.
  virtual at::Tensor decode_hidden(const DecodeBatch& batch, KvCache& cache,
                                   ThreadTeam& team) const;

  /// Hidden states [rows of `shifted`, D] of prediction module k in [0, num_mtp_layers), recorded
  /// as `forward` is; `logits` and `score_predictions` read them.
  /// @param hidden  of the batch that `shifted` was made from: of `forward`, or of module k - 1.
  virtual at::Tensor predict(int k, const at::Tensor& hidden, const ShiftedBatch& shifted,
                             ThreadTeam& team, PredictionGradient gradient) const;
  /// As `score` at temperature 1; with module_alone the head gets no gradient.
  virtual Scores score_predictions(const at::Tensor& hidden, const ScoreList& list,
                                   PredictionGradient gradient, ThreadTeam& team) const;
  /// Runs the first prediction module on the cache, which must hold its layer
  /// (CachedLayers::with_prediction_modules). @return logits [rows.logit_rows, V] float32.
  virtual at::Tensor draft(const DraftBatch& draft, KvCache& cache, ThreadTeam& team) const;

  /// The trained tensors in the checkpoint's order: all weights, or the adapters alone where there
  /// are any. Change values only between steps, then call publish_weights.
  virtual std::vector<Parameter>& parameters() = 0;

  /// The biases of the routers, one per mixture layer in the order of RoutingPass::loads; empty
  /// where routers have none. Change them only between steps.
  virtual std::vector<Buffer> buffers() const { return {}; }

  /// Rounds and packs the changed weights for compute: policy version n + 1.
  virtual void publish_weights(ThreadTeam& team) = 0;
  virtual int64_t version() const = 0;

  /// Writes config.json, weights (merged: adapters folded in) and tokenizer files as a Hugging
  /// Face directory; adapters alone in PEFT's format when `adapters_only`.
  virtual void save(const std::filesystem::path& dir, bool merged = true) const = 0;
  virtual void save_adapters(const std::filesystem::path& dir) const = 0;

  /// Bytes held in weights, gradients and packed copies (for memory estimates).
  virtual int64_t weight_bytes() const = 0;
};

}  // namespace gradus::policy
