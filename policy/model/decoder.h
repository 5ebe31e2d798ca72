#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "policy/model/layers/decoder_layer.h"
#include "policy/model/layers/layer.h"
#include "policy/model/layers/multi_token_prediction.h"
#include "policy/policy.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// The one decoder of all families: embedding, layers of attention and feed-forward chosen from
/// the config, final norm, head.
class Decoder : public Policy {
 public:
  /// @param adapters  of an adapter's file; null: fresh ones, where config.lora asks for them.
  Decoder(PolicyConfig config, ModelConfig model, Purpose purpose, TensorSource source,
          ThreadTeam& team, const LiveAdapters* adapters = nullptr);

  const ModelConfig& model_config() const override { return model_; }
  const PolicyConfig& policy_config() const override { return config_; }
  at::Device device() const override { return device_; }
  at::ScalarType compute_dtype() const override { return dtype_; }

  at::Tensor forward(const PackedBatch& batch, ThreadTeam& team, bool use_adapters) const override;
  Scores score(const at::Tensor& hidden, const ScoreList& list, double temperature,
               ThreadTeam& team, bool use_adapters) const override;
  at::Tensor decode(const DecodeBatch& batch, KvCache& cache, ThreadTeam& team) const override;
  at::Tensor decode_hidden(const DecodeBatch& batch, KvCache& cache,
                           ThreadTeam& team) const override;
  at::Tensor logits(const at::Tensor& hidden, std::span<const int64_t> rows,
                    ThreadTeam& team) const override;

  at::Tensor recorded_logits(const at::Tensor& hidden, std::span<const int64_t> rows,
                             ThreadTeam& team) const override;

  at::Tensor predict(int k, const at::Tensor& hidden, const ShiftedBatch& shifted, ThreadTeam& team,
                     PredictionGradient gradient) const override;
  Scores score_predictions(const at::Tensor& hidden, const ScoreList& list,
                           PredictionGradient gradient, ThreadTeam& team) const override;
  at::Tensor draft(const DraftBatch& draft, KvCache& cache, ThreadTeam& team) const override;

  std::vector<Parameter>& parameters() override { return parameters_; }
  std::vector<Buffer> buffers() const override { return buffers_; }
  void publish_weights(ThreadTeam& team) override;
  int64_t version() const override { return version_; }

  void save(const std::filesystem::path& dir, bool merged) const override;
  void save_adapters(const std::filesystem::path& dir) const override;
  int64_t weight_bytes() const override { return weight_bytes_; }

 private:
  /// The same model with weights rounded for sampling (model.rollout_weights), where training needs
  /// its own: it shares norms, biases and embedding with this one and samples in its place.
  void make_sampler(const TensorSource& source, ThreadTeam& team, const LiveAdapters* adapters);
  void publish_to_sampler(ThreadTeam& team);

  const Linear& head() const { return model_.tie_word_embeddings ? embedding_ : head_; }
  /// Rope and local rope of at least `positions` places; the second undefined where no layer has
  /// it.
  std::pair<RopeTable, RopeTable> rope_tables(int64_t positions) const;
  RopeTable rope_table(const RopeConfig& rope, int64_t positions) const;
  /// @param trace  notes what layers pass on; may be null.
  at::Tensor run_layers(at::Tensor x_TD, const LayerCall& call, LayerTrace* trace) const;
  at::Tensor checkpointed(const DecoderLayer& layer, const at::Tensor& x_TD,
                          const LayerCall& call) const;
  LayerRouting routing_of(const PackedBatch& batch) const;
  const PredictionModule& module(int k) const;
  void check_tokens(const std::vector<int64_t>& tokens) const;

  PolicyConfig config_;
  ModelConfig model_;
  at::ScalarType dtype_;
  at::Device device_;
  std::unique_ptr<Ops> ops_;

  Linear embedding_;
  std::vector<std::unique_ptr<DecoderLayer>> layers_;
  Norm final_norm_;
  Linear head_;
  std::vector<std::unique_ptr<PredictionModule>> modules_;

  std::vector<Parameter> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<Weight*> weights_;
  std::vector<VectorWeight*> vectors_;
  std::vector<Linear*> adapted_;
  int64_t weight_bytes_ = 0;
  int64_t version_ = 0;
  std::unique_ptr<Decoder> sampler_;  ///< null: this one samples

  mutable std::mutex rope_mutex_;
  mutable RopeTable rope_;
  mutable RopeTable local_rope_;
};

}  // namespace gradus::policy
