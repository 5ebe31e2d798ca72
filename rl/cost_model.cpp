#include "rl/cost_model.h"

#include <algorithm>

#include "rl/adamw_state.h"

namespace gradus::rl {
namespace {

constexpr int64_t kFloatBytes = 4;

struct LayerCount {
  int64_t attention = 0;
  int64_t feed_forward = 0;
  int64_t norms = 0;
  int64_t active = 0;  ///< weights in one token's matrix products
};

LayerCount count_layer(const policy::ModelConfig& c, const policy::LayerConfig&) {
  const int64_t query = c.num_heads * c.head_dim;
  const int64_t key = c.num_kv_heads * c.head_dim;
  LayerCount count;
  const int64_t projections = c.hidden_size * (2 * query + 2 * key);
  const int64_t products = 3 * c.hidden_size * c.intermediate_size;
  count.active = projections + products;
  count.attention = projections + (c.attention_qkv_bias ? query + 2 * key : 0) +
                    (c.attention_out_bias ? c.hidden_size : 0);
  count.feed_forward = products + (c.mlp_bias ? 2 * c.intermediate_size + c.hidden_size : 0);
  count.norms = 2 * c.hidden_size + (c.qk_norm ? 2 * c.head_dim : 0);
  return count;
}

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

int64_t compute_bytes(const RunConfig& recipe) {
  return recipe.model.precision == policy::Precision::bfloat16 ? 2 : kFloatBytes;
}

int64_t trained_parameters(const policy::ModelConfig& c, const RunConfig& recipe, int64_t total) {
  const int64_t rank = recipe.model.lora.rank;
  if (rank == 0) return total;
  const int64_t query = c.num_heads * c.head_dim;
  const int64_t key = c.num_kv_heads * c.head_dim;
  int64_t sides = 0;  // rows plus columns of every adapted matrix of one layer
  for (const std::string& name : recipe.model.lora.targets) {
    if (name == "q_proj" || name == "o_proj") sides += c.hidden_size + query;
    if (name == "k_proj" || name == "v_proj") sides += c.hidden_size + key;
    if (name == "gate_proj" || name == "up_proj" || name == "down_proj")
      sides += c.hidden_size + c.intermediate_size;
  }
  return rank * sides * c.num_layers;
}

/// Activations that the backward pass of one row needs, in elements: per layer the two norms'
/// inputs, queries, keys, values, attention's output, and the feed-forward's two branches and
/// product; with checkpointing a layer's input alone, and one layer's rest at a time.
int64_t activation_elements(const policy::ModelConfig& c, bool is_checkpointed) {
  const int64_t layer = 4 * c.hidden_size + (2 * c.num_heads + 2 * c.num_kv_heads) * c.head_dim +
                        3 * c.intermediate_size;
  const int64_t ends = 2 * c.hidden_size;
  return is_checkpointed ? ends + layer + c.num_layers * c.hidden_size
                         : ends + c.num_layers * layer;
}

int64_t microbatch_rows(const RunConfig& recipe) {
  const bool is_grpo = recipe.run.task == TaskKind::grpo;
  // One group is never split: its rows may exceed the setting.
  const int64_t group = int64_t{recipe.rl.group_size} * recipe.rollout.sampling.max_tokens;
  return is_grpo ? std::max(recipe.rl.microbatch_tokens, group)
                 : std::min(recipe.text.microbatch_tokens, recipe.text.batch_tokens);
}

}  // namespace

ParameterCount count_parameters(const policy::ModelConfig& config) {
  ParameterCount count;
  count.embedding = config.vocab_size * config.hidden_size;
  count.head = config.tie_word_embeddings ? 0 : count.embedding;
  count.norms = config.hidden_size;
  count.active = count.embedding;  // the head's product, whoever owns the matrix
  for (const auto& layer : config.layers) {
    const LayerCount part = count_layer(config, layer);
    count.attention += part.attention;
    count.feed_forward += part.feed_forward;
    count.norms += part.norms;
    count.active += part.active;
  }
  return count;
}

double forward_flops(const policy::ModelConfig& config, int64_t place) {
  return forward_flops(config, place, 1);
}

double forward_flops(const policy::ModelConfig& config, int64_t first, int64_t length) {
  double flops =
      2.0 * static_cast<double>(count_parameters(config).active) * static_cast<double>(length);
  const auto per_key = static_cast<double>(4 * config.num_heads * config.head_dim);
  for (const auto& layer : config.layers)
    flops += per_key * seen_keys(first, length, layer.sliding_window);
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
  const int64_t total = count_parameters(config).total();
  const int64_t trained = trained_parameters(config, recipe, total);
  const int64_t extra = recipe.model.lora.rank > 0 ? trained : 0;
  const int64_t element = compute_bytes(recipe);
  const bool is_grpo = recipe.run.task == TaskKind::grpo;
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
