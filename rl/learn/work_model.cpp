#include "rl/learn/work_model.h"

#include <algorithm>

#include "policy/formats/adapter_targets.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/families/family.h"
#include "policy/formats/layer_tensors.h"

namespace gradus::rl {
namespace {

/// Multiply-adds of one row's products with a layer's matrices, and with adapters beside them.
struct RowCost {
  double matrices = 0.0;
  double adapters_a = 0.0;
  double adapters_b = 0.0;
  double absorbed = 0.0;  // adapters of kv_b
};

bool has_adapter(const policy::LoraConfig& lora, std::string_view stem) {
  return lora.rank > 0 &&
         std::ranges::find(lora.targets, policy::adapter_target(stem)) != lora.targets.end();
}

RowCost row_cost(const policy::ModelConfig& model, const policy::LoraConfig& lora, int64_t layer) {
  RowCost cost;
  for (const auto& tensor : policy::layer_tensors(model, layer)) {
    if (!tensor.is_matrix()) continue;
    const auto used = static_cast<double>(tensor.num_used);
    cost.matrices += used * static_cast<double>(tensor.num_elements());
    if (!policy::is_adaptable(tensor.role) || !has_adapter(lora, tensor.stem)) continue;
    cost.adapters_a += used * lora.rank * static_cast<double>(tensor.shape[1]);
    cost.adapters_b += used * lora.rank * static_cast<double>(tensor.shape[0]);
    if (tensor.role == policy::TensorRole::kv_up)
      cost.absorbed += lora.rank * static_cast<double>(tensor.shape[0] + tensor.shape[1]);
  }
  return cost;
}

/// The sum of work(first, length) over the segments of a batch.
template <class Work>
double over_segments(const policy::PackedBatch& batch, Work&& work) {
  double sum = 0.0;
  for (const policy::Segment& segment : batch.segments) {
    const int64_t before =
        segment.prefix < 0 ? 0 : batch.segments[static_cast<size_t>(segment.prefix)].length;
    sum += work(before, segment.length);
  }
  return sum;
}

}  // namespace

double seen_keys(int64_t first, int64_t length, int64_t window) {
  const auto triangle = [](double n) { return n * (n + 1.0) / 2.0; };
  const int64_t end = first + length;
  if (window <= 0 || end <= window)
    return triangle(static_cast<double>(end)) - triangle(static_cast<double>(first));
  const int64_t ramp_end = std::max(first, window);
  const double ramp =
      triangle(static_cast<double>(std::min(ramp_end, end))) - triangle(static_cast<double>(first));
  return std::max(0.0, ramp) +
         static_cast<double>(std::max<int64_t>(0, end - ramp_end)) * static_cast<double>(window);
}

WorkModel::WorkModel(const policy::ModelConfig& model, const policy::PolicyConfig& policy)
    : model_(model),
      absorbs_(policy.latent_cache == policy::LatentCache::absorbed),
      is_checkpointed_(policy.activation_checkpointing),
      is_adapted_(policy.lora.rank > 0) {
  for (const auto& kind : policy::layer_kinds(model)) {
    const RowCost cost = row_cost(model, policy.lora, kind.layer);
    const auto count = static_cast<double>(kind.count);
    layers_ += 2.0 * count * cost.matrices;
    adapters_a_ += 2.0 * count * cost.adapters_a;
    adapters_b_ += 2.0 * count * cost.adapters_b;
    if (absorbs_) absorbed_ += 2.0 * count * cost.absorbed;
  }
  if (model.num_mtp_layers > 0) module_ = 2.0 * row_cost(model, {}, model.num_layers).matrices;
  const auto width = static_cast<double>(model.hidden_size);
  const auto vocabulary = static_cast<double>(model.vocab_size);
  head_ = 2.0 * width * vocabulary;
  if (has_adapter(policy.lora, policy::family_of(model).stem(policy::TensorRole::head))) {
    head_a_ = 2.0 * policy.lora.rank * width;
    head_b_ = 2.0 * policy.lora.rank * vocabulary;
  }
}

WorkModel::KeyCost WorkModel::key_cost(int64_t layer) const {
  const auto& latent = model_.latent;
  const bool is_latent =
      model_.layers[static_cast<size_t>(layer)].attention == policy::AttentionKind::latent;
  const int64_t key_dim = is_latent ? latent.nope_dim + latent.rope_dim : model_.head_dim;
  const int64_t value_dim = is_latent ? latent.value_dim : model_.head_dim;
  const auto heads = static_cast<double>(model_.num_heads);
  KeyCost cost;
  cost.forward = heads * static_cast<double>(key_dim + value_dim);
  cost.backward = heads * static_cast<double>(3 * key_dim + 2 * value_dim);
  cost.decode = is_latent && absorbs_
                    ? heads * static_cast<double>(2 * latent.kv_rank + latent.rope_dim)
                    : cost.forward;
  return cost;
}

double WorkModel::keys(double KeyCost::*cost, int64_t first, int64_t length) const {
  double sum = 0.0;
  for (int64_t l = 0; l < model_.num_layers; ++l)
    sum += 2.0 * key_cost(l).*cost *
           seen_keys(first, length, model_.layers[static_cast<size_t>(l)].sliding_window);
  return sum;
}

double WorkModel::forward(int64_t first, int64_t length, int64_t scored) const {
  return (layers_ + adapters_a_ + adapters_b_) * static_cast<double>(length) +
         keys(&KeyCost::forward, first, length) +
         (head_ + head_a_ + head_b_) * static_cast<double>(scored);
}

double WorkModel::decode(int64_t first, int64_t length, int64_t scored) const {
  return forward(first, length, scored) - keys(&KeyCost::forward, first, length) +
         keys(&KeyCost::decode, first, length) - absorbed_ * static_cast<double>(length);
}

double WorkModel::training(int64_t first, int64_t length, int64_t scored) const {
  const auto rows = static_cast<double>(length);
  const double backward =
      (is_adapted_ ? 1.0 : 2.0) * layers_ + 3.0 * adapters_a_ + 2.0 * adapters_b_;
  const double head = (is_adapted_ ? 2.0 : 3.0) * head_ + 3.0 * head_a_ + 2.0 * head_b_;
  double flops = forward(first, length, scored) + backward * rows +
                 keys(&KeyCost::backward, first, length) + head * static_cast<double>(scored);
  if (is_checkpointed_) flops += forward(first, length, 0);
  return flops;
}

double WorkModel::prediction_training(int64_t first, int64_t length, int64_t scored,
                                      bool reaches_model) const {
  const KeyCost cost = key_cost(model_.num_layers);
  const int64_t window = model_.layers[static_cast<size_t>(model_.num_layers)].sliding_window;
  const double keys = 2.0 * (cost.forward + cost.backward) * seen_keys(first, length, window);
  return 3.0 * module_ * static_cast<double>(length) + keys +
         (reaches_model ? 4.0 : 3.0) * head_ * static_cast<double>(scored);
}

double WorkModel::forward(const policy::PackedBatch& batch, int64_t scored) const {
  return forward(0, 0, scored) + over_segments(batch, [this](int64_t first, int64_t length) {
           return forward(first, length, 0);
         });
}

double WorkModel::training(const policy::PackedBatch& batch, int64_t scored) const {
  return training(0, 0, scored) + over_segments(batch, [this](int64_t first, int64_t length) {
           return training(first, length, 0);
         });
}

double WorkModel::prediction_training(const policy::PackedBatch& batch, int64_t scored,
                                      bool reaches_model) const {
  return prediction_training(0, 0, scored, reaches_model) +
         over_segments(batch, [&](int64_t first, int64_t length) {
           return prediction_training(first, length, 0, reaches_model);
         });
}

double WorkModel::rollout(int64_t prompt, std::span<const int64_t> completions) const {
  double flops = decode(0, prompt, 1);
  for (const int64_t length : completions)
    if (length > 0) flops += decode(prompt, length - 1, length - 1);
  return flops;
}

}  // namespace gradus::rl
