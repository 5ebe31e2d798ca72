#include "tests/cli/tiny_recipe.h"

namespace gradus::cli {
const char* const kTinyModel = R"({
  "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
  "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 1024, "max_position_embeddings": 256,
  "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true,
  "torch_dtype": "float32", "bos_token_id": null, "eos_token_id": null})";

namespace {

// Random weights are never right; they differ in length, so that there is a signal.
constexpr const char* kRecipe = R"(
[run]
name = "tiny"
steps = 3
threads = 2
eval_every = 3
checkpoint_every = 1
samples_every = 1
[model]
config = "config.json"
tokenizer = "{tokenizer}"
[data]
task = "arithmetic"
chat = false
[rollout]
max_tokens = 8
[[rewards]]
type = "accuracy"
[[rewards]]
type = "python"
file = "{folder}/length.py:reward"
[rl]
group_size = 4
prompts_per_step = 2
[optim]
lr = 1e-3
[eval.data]
task = "arithmetic"
count = 4
offset = 1000
)";

constexpr const char* kReward =
    "def reward(completions, **kwargs):\n    return [float(len(c)) for c in completions]\n";

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at; (at = text.find(what)) != std::string::npos;) text.replace(at, what.size(), with);
  return text;
}

}  // namespace

std::string write_recipe(const TemporaryFolder& folder) {
  write_text(folder / "config.json", kTinyModel);
  write_text(folder / "length.py", kReward);
  const std::string tokenizer =
      gradus::tests::fixture("parity/tokenizer_sp_bpe/tokenizer.model").string();
  write_text(folder / "recipe.toml", replaced(replaced(kRecipe, "{tokenizer}", tokenizer),
                                              "{folder}", folder.path().string()));
  return folder / "recipe.toml";
}

}  // namespace gradus::cli
