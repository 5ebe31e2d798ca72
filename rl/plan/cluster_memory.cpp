#include <algorithm>
#include <cmath>

#include "policy/formats/expected_tensors.h"
#include "policy/formats/layer_tensors.h"
#include "rl/plan/cluster_plan.h"

namespace gradus::rl {
namespace {

constexpr double kWeightBytes = 2.0;  // bfloat16
constexpr double kFp8Bytes = 1.0;

/// Parameters that one device holds, and among how many replicas its state may be shared.
struct Held {
  double experts = 0.0;
  double others = 0.0;
  double expert_replicas = 1.0;
  double other_replicas = 1.0;

  double shared(bool is_shared) const {
    return is_shared ? experts / expert_replicas + others / other_replicas : experts + others;
  }
};

Held held_parameters(const policy::ModelConfig& model, const Cluster& c) {
  const auto [experts, others] = expert_and_other_parameters(model);
  const auto devices = static_cast<double>(c.devices);
  const auto expert_parts = static_cast<double>(c.ep * c.pp);
  const auto other_parts = static_cast<double>(c.pp * c.tp);
  return {experts / expert_parts, others / other_parts, devices / expert_parts,
          devices / other_parts};
}

}  // namespace

std::pair<double, double> expert_and_other_parameters(const policy::ModelConfig& model) {
  double experts = 0.0;
  for (const auto& kind : policy::layer_kinds(model))
    for (const auto& tensor : policy::layer_tensors(model, kind.layer))
      if (tensor.is_expert)
        experts += static_cast<double>(kind.count) * static_cast<double>(tensor.count) *
                   static_cast<double>(tensor.num_elements());
  return {experts, static_cast<double>(policy::count_parameters(model).total()) - experts};
}

std::vector<std::pair<std::string, double>> training_memory(const StagePlanInput& input,
                                                            const Cluster& cluster,
                                                            const PlanAssumptions& assumptions) {
  const policy::ModelConfig& model = input.model;
  const Held held = held_parameters(model, cluster);
  const auto pp = static_cast<double>(cluster.pp);
  const double copies = cluster.dualpipe ? 2.0 : 1.0;
  const double in_flight = pp > 1.0 ? (cluster.dualpipe ? pp + 1.0 : pp) : 1.0;
  const double per_layer =
      input.policy.activation_checkpointing ? 1.0 : assumptions.activation_factor;
  const double tokens =
      std::max(assumptions.micro_batch_tokens,
               input.sequence_length > 0.0 && cluster.pp == 1 ? input.sequence_length : 0.0);
  std::vector<std::pair<std::string, double>> parts{
      {"weights", held.shared(cluster.zero >= 3) * kWeightBytes * copies},
      {"gradients", held.shared(cluster.zero >= 2) * assumptions.gradient_bytes},
      {"optimizer", held.shared(cluster.zero >= 1) * assumptions.optimizer_bytes},
      {"activations", in_flight * tokens * std::ceil(static_cast<double>(model.num_layers) / pp) *
                          per_layer * static_cast<double>(model.hidden_size) * 2.0},
      {"logits", 2.0 * input.policy.head_chunk_rows * static_cast<double>(model.vocab_size) * 4.0}};
  double sum = 0.0;
  for (const auto& [name, bytes] : parts) sum += bytes;
  parts.emplace_back("overhead", sum * assumptions.overhead);
  return parts;
}

double bubble_share(const Cluster& cluster, double micro_batches) {
  if (cluster.pp <= 1 || micro_batches <= 0.0) return 0.0;
  constexpr double kForward = 1.0;
  constexpr double kBackward = 2.0;
  constexpr double kWeights = 1.0;
  const auto p = static_cast<double>(cluster.pp);
  const double bubble = cluster.dualpipe
                            ? (p / 2.0 - 1.0) * (kForward + kBackward + kBackward - 3.0 * kWeights)
                            : (p - 1.0) * (kForward + kBackward);
  const double m = cluster.dualpipe ? micro_batches / 2.0 : micro_batches;
  return bubble / (bubble + m * (kForward + kBackward));
}

double all_to_all_bytes(const policy::ModelConfig& model, const Cluster& cluster,
                        const PlanAssumptions& assumptions) {
  if (cluster.ep <= 1) return 0.0;
  int64_t mixtures = 0;
  for (int64_t l = 0; l < model.num_layers; ++l)
    if (model.layers[static_cast<size_t>(l)].ffn == policy::FfnKind::mixture_of_experts) ++mixtures;
  const double sent =
      std::min(static_cast<double>(model.moe.num_experts_per_token), assumptions.nodes_per_token) *
      static_cast<double>(model.hidden_size) * (kFp8Bytes + kWeightBytes);
  return 2.0 * sent * static_cast<double>(mixtures);
}

}  // namespace gradus::rl
