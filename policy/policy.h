#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "policy/batch/kv_cache.h"
#include "policy/batch/packed_batch.h"
#include "policy/batch/shifted_batch.h"
#include "policy/formats/model_config.h"
#include "policy/ops/scores.h"
#include "policy/policy_config.h"
#include "policy/weights/parameter.h"

namespace gradus::policy {

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
  /// @param use_adapters  false: the base model below the adapters (the reference policy). What an
  ///                      adapter's file holds beside products of linear layers is the base's.
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

  /// The same, recorded as `score` is: for losses of whole distributions. The backward pass keeps
  /// nothing but `hidden`; who calls it keeps the logits.
  virtual at::Tensor recorded_logits(const at::Tensor& hidden, std::span<const int64_t> rows,
                                     ThreadTeam& team) const;

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

  /// Writes config.json, weights and tokenizer files as a Hugging Face directory.
  /// @param merged  adapters are folded in; false: as save_adapters, where there are any.
  virtual void save(const std::filesystem::path& dir, bool merged = true) const = 0;
  /// The adapters alone in PEFT's format, with what their file held beside them.
  virtual void save_adapters(const std::filesystem::path& dir) const = 0;

  /// Bytes held in weights, gradients and packed copies (for memory estimates).
  virtual int64_t weight_bytes() const = 0;
};

}  // namespace gradus::policy
