#include "rl/recipe/cost_model.h"

#include <algorithm>
#include <bit>

#include "policy/formats/adapter_targets.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/families/family.h"
#include "policy/formats/layer_tensors.h"
#include "rl/learn/optimizers/adamw_state.h"

namespace gradus::rl {
namespace {

constexpr int64_t kFloatBytes = 4;
constexpr int64_t kExactBytes = 20;  // two whole numbers and the sum of a value

int64_t compute_bytes(const RunConfig& recipe) {
  return recipe.model.precision == policy::Precision::bfloat16 ? 2 : kFloatBytes;
}

/// Calls `use` with every tensor of every layer, prediction modules included, and the number of
/// layers that have it.
template <class Use>
void for_all_tensors(const policy::ModelConfig& c, Use&& use) {
  auto kinds = policy::layer_kinds(c);
  for (int64_t k = 0; k < c.num_mtp_layers; ++k) kinds.push_back({c.num_layers + k, 1});
  for (const auto& kind : kinds) {
    for (const auto& tensor : policy::layer_tensors(c, kind.layer)) use(tensor, kind.count);
  }
}

int64_t trained_parameters(const policy::ModelConfig& c, const RunConfig& recipe, int64_t total) {
  const int64_t rank = recipe.model.lora.rank;
  if (rank == 0) return total;
  const auto& targets = recipe.model.lora.targets;
  int64_t sides = 0;  // rows plus columns of every adapted matrix
  for_all_tensors(c, [&](const policy::LayerTensor& tensor, int64_t layers) {
    if (!tensor.is_matrix() ||
        std::ranges::find(targets, policy::adapter_target(tensor.stem)) == targets.end())
      return;
    sides += layers * tensor.count * (tensor.shape[0] + tensor.shape[1]);
  });
  const auto head = policy::family_of(c).stem(policy::TensorRole::head);
  if (std::ranges::find(targets, head) != targets.end()) sides += c.vocab_size + c.hidden_size;
  return rank * sides;
}

/// Whether a matrix reads what the layer made for it alone (attention's output, SwiGLU's product, a
/// normed latent), not the layer's normed input, which all others share.
bool has_own_input(policy::TensorRole role) {
  switch (role) {
    case policy::TensorRole::query_up:
    case policy::TensorRole::kv_up:
    case policy::TensorRole::attention_output:
    case policy::TensorRole::down:
    case policy::TensorRole::expert_down:
    case policy::TensorRole::shared_down:
      return true;
    default:
      return false;
  }
}

/// Activations of one layer that the backward pass of one row needs, in elements: the two norms'
/// outputs, and every matrix's output and own input.
int64_t layer_activations(const policy::ModelConfig& c, int64_t layer) {
  int64_t elements = 2 * c.hidden_size;
  for (const auto& tensor : policy::layer_tensors(c, layer)) {
    if (!tensor.is_matrix()) continue;
    elements += tensor.num_used * tensor.shape[0];
    if (has_own_input(tensor.role)) elements += tensor.num_used * tensor.shape[1];
  }
  return elements;
}

/// Of the whole model; with checkpointing a layer's input alone, and one layer's rest at a time.
int64_t activation_elements(const policy::ModelConfig& c, bool is_checkpointed) {
  int64_t largest = 0;
  int64_t sum = 0;
  for (const auto& kind : policy::layer_kinds(c)) {
    const int64_t layer = layer_activations(c, kind.layer);
    largest = std::max(largest, layer);
    sum += kind.count * layer;
  }
  const int64_t ends = 2 * c.hidden_size;
  return ends + (is_checkpointed ? largest + c.num_layers * c.hidden_size : sum);
}

int64_t teacher_parameters(const RunConfig& recipe) {
  if (recipe.run.task != "distill" || recipe.distill.teacher.empty()) return 0;
  const auto source = policy::open_checkpoint(recipe.distill.teacher);
  const auto count = policy::count_parameters(policy::load_model_config(*source));
  return count.total() + count.mtp;
}

/// Copies of the gradients beside the one that backward passes add to (rl/parallel/gradient_sum.h),
/// where completions are as long as they may be.
int64_t gradients_aside(const policy::ModelConfig& config, const RunConfig& recipe) {
  const StageKind& stage = stages().at(recipe.run.task);
  if (!stage.learns) return 0;
  if (recipe.cluster.reduction == GradientReduction::exact) return kExactBytes / kFloatBytes;
  const int64_t rows = stage.estimate(recipe, config, 0).trained_tokens / recipe.rl.epochs;
  const int64_t microbatches = rows / std::max<int64_t>(1, stage.microbatch_rows(recipe)) + 1;
  const int64_t leaves = std::min<int64_t>(recipe.cluster.leaves, microbatches);
  return std::bit_width(static_cast<uint64_t>(leaves)) - 1;
}

}  // namespace

int64_t MemoryEstimate::total() const {
  int64_t sum = 0;
  for (const auto& [name, bytes] : parts) sum += bytes;
  return sum;
}

MemoryEstimate estimate_memory(const policy::ModelConfig& config, const RunConfig& recipe) {
  const auto count = policy::count_parameters(config);
  const int64_t total = count.total() + count.mtp;
  const int64_t trained = trained_parameters(config, recipe, total);
  const int64_t extra = recipe.model.lora.rank > 0 ? trained : 0;
  const int64_t element = compute_bytes(recipe);
  const StageKind& stage = stages().at(recipe.run.task);
  const bool has_sampler =
      stage.samples && recipe.model.rollout_weights != policy::RolloutWeights::compute;
  const bool has_reference =
      stage.samples && recipe.rl.kl_coef > 0.0 && recipe.model.lora.rank == 0;
  const int64_t teacher = teacher_parameters(recipe);
  const int64_t head_rows =
      std::min<int64_t>(recipe.model.head_chunk_rows, stage.microbatch_rows(recipe));
  MemoryEstimate estimate;
  estimate.parts = {
      {"weights (float32)", (total + extra) * kFloatBytes},
      {"gradients (float32)", trained * kFloatBytes},
      {"optimizer moments", adamw_kinds().at(recipe.optim.kind).num_bytes(trained)},
      {"packed weights for compute", (total + extra) * element},
      {"reference policy", has_reference ? total * element : 0},
      {"teacher", teacher * element},
      {"rollout weights", has_sampler ? total * element : 0},
      {"keys and values",
       stage.samples ? static_cast<int64_t>(recipe.rollout.kv_cache_mb * 1e6) : 0},
      {"activations", stage.microbatch_rows(recipe) *
                          activation_elements(config, recipe.model.activation_checkpointing) *
                          kFloatBytes},
      // Logits, their softmax and its gradient.
      {"logits", 3 * head_rows * config.vocab_size * kFloatBytes},
      {"gradients set aside", gradients_aside(config, recipe) * trained * kFloatBytes}};
  return estimate;
}

StepCost estimate_step(const policy::ModelConfig& config, const RunConfig& recipe,
                       int64_t prompt_tokens) {
  return stages().at(recipe.run.task).estimate(recipe, config, prompt_tokens);
}

}  // namespace gradus::rl
