#include "rl/recipe/cost_model.h"

#include <algorithm>
#include <string_view>

#include "policy/formats/expected_tensors.h"
#include "policy/formats/layer_tensors.h"
#include "rl/learn/optimizers/adamw_state.h"

namespace gradus::rl {
namespace {

constexpr int64_t kFloatBytes = 4;

/// Sum over i in [first, first + length) of min(i + 1, window); window 0: none.
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

double flops_per_key(const policy::ModelConfig& c, const policy::LayerConfig& layer) {
  const bool is_latent = layer.attention == policy::AttentionKind::latent;
  const int64_t key_dim = is_latent ? c.latent.nope_dim + c.latent.rope_dim : c.head_dim;
  const int64_t value_dim = is_latent ? c.latent.value_dim : c.head_dim;
  return static_cast<double>(2 * c.num_heads * (key_dim + value_dim));
}

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

std::string_view last_part(std::string_view stem) {
  return stem.substr(stem.rfind('.') + 1);
}

int64_t trained_parameters(const policy::ModelConfig& c, const RunConfig& recipe, int64_t total) {
  const int64_t rank = recipe.model.lora.rank;
  if (rank == 0) return total;
  const auto& targets = recipe.model.lora.targets;
  int64_t sides = 0;  // rows plus columns of every adapted matrix
  for_all_tensors(c, [&](const policy::LayerTensor& tensor, int64_t layers) {
    if (!tensor.is_matrix() || std::ranges::find(targets, last_part(tensor.stem)) == targets.end())
      return;
    sides += layers * tensor.count * (tensor.shape[0] + tensor.shape[1]);
  });
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

int64_t microbatch_rows(const RunConfig& recipe) {
  const bool is_grpo = recipe.run.task == TaskKind::grpo;
  // One group is never split: its rows may exceed the setting.
  const int64_t group = int64_t{recipe.rl.group_size} * recipe.rollout.sampling.max_tokens;
  return is_grpo ? std::max(recipe.rl.microbatch_tokens, group)
                 : std::min(recipe.text.microbatch_tokens, recipe.text.batch_tokens);
}

}  // namespace

double forward_flops(const policy::ModelConfig& config, int64_t place) {
  return forward_flops(config, place, 1);
}

double forward_flops(const policy::ModelConfig& config, int64_t first, int64_t length) {
  double flops = 2.0 * static_cast<double>(policy::count_parameters(config).multiplied) *
                 static_cast<double>(length);
  for (int64_t l = 0; l < config.num_layers; ++l) {
    const auto& layer = config.layers[static_cast<size_t>(l)];
    flops += flops_per_key(config, layer) * seen_keys(first, length, layer.sliding_window);
  }
  return flops;
}

double training_flops(const policy::ModelConfig& config, int64_t length, bool is_checkpointed) {
  return (is_checkpointed ? 4.0 : 3.0) * forward_flops(config, 0, length);
}

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
  const bool is_grpo = recipe.run.task == TaskKind::grpo;
  const bool has_sampler =
      is_grpo && recipe.model.rollout_weights != policy::RolloutWeights::compute;
  const bool has_reference = is_grpo && recipe.rl.kl_coef > 0.0 && recipe.model.lora.rank == 0;
  const int64_t head_rows =
      std::min<int64_t>(recipe.model.head_chunk_rows, microbatch_rows(recipe));
  MemoryEstimate estimate;
  estimate.parts = {
      {"weights (float32)", (total + extra) * kFloatBytes},
      {"gradients (float32)", trained * kFloatBytes},
      {"optimizer moments", find_adamw(recipe.optim.kind).num_bytes(trained)},
      {"packed weights for compute", (total + extra) * element},
      {"reference policy", has_reference ? total * element : 0},
      {"rollout weights", has_sampler ? total * element : 0},
      {"keys and values", is_grpo ? static_cast<int64_t>(recipe.rollout.kv_cache_mb * 1e6) : 0},
      {"activations", microbatch_rows(recipe) *
                          activation_elements(config, recipe.model.activation_checkpointing) *
                          kFloatBytes},
      // Logits, their softmax and its gradient.
      {"logits", 3 * head_rows * config.vocab_size * kFloatBytes}};
  return estimate;
}

StepCost estimate_step(const policy::ModelConfig& config, const RunConfig& recipe,
                       int64_t prompt_tokens) {
  const bool is_checkpointed = recipe.model.activation_checkpointing;
  StepCost cost;
  if (recipe.run.task != TaskKind::grpo) {
    const int64_t length = std::min(recipe.text.sequence_length, recipe.text.batch_tokens);
    const int64_t num_texts = std::max<int64_t>(1, recipe.text.batch_tokens / length);
    cost.trained_tokens = num_texts * length;
    cost.train_flops =
        static_cast<double>(num_texts) * training_flops(config, length, is_checkpointed);
    return cost;
  }
  const int64_t completion = recipe.rollout.sampling.max_tokens;
  const int64_t prompts = recipe.rl.prompts_per_step;
  const int64_t completions = prompts * recipe.rl.group_size;
  const double prompt_flops = forward_flops(config, 0, prompt_tokens);
  const double completion_flops = forward_flops(config, prompt_tokens, completion);
  const double once = static_cast<double>(prompts) * prompt_flops +
                      static_cast<double>(completions) * completion_flops;
  cost.rollout_tokens = prompts * prompt_tokens + completions * completion;
  cost.rollout_flops = once;
  cost.trained_tokens = cost.rollout_tokens * recipe.rl.epochs;
  const double passes = (is_checkpointed ? 4.0 : 3.0) * recipe.rl.epochs +
                        (recipe.rl.kl_coef > 0.0 ? 1.0 : 0.0) +
                        (recipe.rl.epochs * recipe.rl.minibatches > 1 ? 1.0 : 0.0);
  cost.train_flops = passes * once;
  return cost;
}

}  // namespace gradus::rl
