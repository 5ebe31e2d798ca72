#include "tests/rl/tiny_run.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "policy/tokenizer/load_tokenizer.h"
#include "rl/run/metrics_log.h"
#include "tests/support/fixtures.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGrpo = R"(
[data]
task = "arithmetic"
[rollout]
max_tokens = 6
kv_cache_mb = 4
max_sequences = 16
[[rewards]]
type = "length"
[rl]
group_size = 4
prompts_per_step = 3
[eval]
samples = 2
temperature = 0.7
answer_rule = "accuracy"
[eval.data]
task = "arithmetic"
count = 4
[[eval.rewards]]
type = "accuracy"
)";

constexpr const char* kPretrain = R"(
[text]
path = "corpus.jsonl"
eval_path = "corpus.jsonl"
sequence_length = 12
batch_tokens = 40
microbatch_tokens = 24
)";

constexpr const char* kSft = R"(
[data]
path = "corpus.jsonl"
[text]
eval_path = "corpus.jsonl"
batch_tokens = 40
)";

std::string lines_of(const TinyRun& tiny) {
  if (tiny.task != TinyTask::grpo) return tiny.task == TinyTask::pretrain ? kPretrain : kSft;
  std::string lines = kGrpo;
  if (tiny.model == TinyModel::latent) {
    // Drafts, experts whose choices are replayed and whose load is evened, and a module that is
    // trained to make them.
    lines.insert(lines.find("max_tokens"), "speculative = true\n");
    lines.insert(lines.find("group_size"), "mtp_weight = 0.5\nrouting = \"replay\"\n");
    lines += "[rl.moe]\nbias_rate = 0.01\nbalance_loss = 0.001\n";
  }
  return lines;
}
const char* name_of(TinyTask task) {
  return task == TinyTask::grpo ? "grpo" : task == TinyTask::pretrain ? "pretrain" : "sft";
}

std::string recipe_text(const TinyRun& tiny, const fs::path& tokenizer) {
  return std::string(R"([run]
seed = 7
threads = 1
steps = 6
checkpoint_every = 2
eval_every = 3
samples_every = 2
task = ")") +
         name_of(tiny.task) + "\"\ndir = \"" + tiny.run().string() + R"("
[model]
config = "config.json"
tokenizer = ")" +
         tokenizer.string() + "\"\n[optim]\nlr = 1e-3\n" + lines_of(tiny);
}

void write_corpus(const fs::path& path) {
  std::ofstream file(path);
  for (int i = 0; i < 8; ++i)
    file << nlohmann::json({{"prompt", "What is " + std::to_string(i) + " + 1?"},
                            {"response", "It is " + std::to_string(i + 1) + ", of course."}})
         << "\n";
}

nlohmann::json latent_model_config(int64_t vocab_size) {
  return {{"architectures", {"DeepseekV3ForCausalLM"}},
          {"model_type", "deepseek_v3"},
          {"hidden_size", 32},
          {"intermediate_size", 48},
          {"moe_intermediate_size", 16},
          {"num_hidden_layers", 2},
          {"first_k_dense_replace", 1},
          {"num_nextn_predict_layers", 1},
          {"n_routed_experts", 8},
          {"n_shared_experts", 1},
          {"num_experts_per_tok", 2},
          {"n_group", 2},
          {"topk_group", 1},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 4},
          {"q_lora_rank", 16},
          {"kv_lora_rank", 12},
          {"qk_nope_head_dim", 8},
          {"qk_rope_head_dim", 4},
          {"v_head_dim", 8},
          {"vocab_size", vocab_size},
          {"max_position_embeddings", 128},
          {"rms_norm_eps", 1e-6},
          {"rope_theta", 10000.0},
          {"hidden_act", "silu"},
          {"initializer_range", 0.05},
          {"torch_dtype", "float32"}};
}

nlohmann::json model_config(int64_t vocab_size) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", 32},
          {"intermediate_size", 48},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"vocab_size", vocab_size},
          {"max_position_embeddings", 128},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"hidden_act", "silu"},
          {"initializer_range", 0.05},
          {"tie_word_embeddings", true},
          {"torch_dtype", "float32"}};
}

}  // namespace

void TinyRun::write() const {
  const fs::path tokenizer = tests::fixture("parity/tokenizer_sp_bpe");
  fs::create_directories(folder);
  const auto loaded = policy::load_tokenizer(tokenizer);
  const int64_t vocab_size = loaded.tokenizer->vocab_size();
  std::ofstream(folder / "config.json")
      << (model == TinyModel::latent ? latent_model_config(vocab_size) : model_config(vocab_size));
  write_corpus(folder / "corpus.jsonl");
  std::ofstream(recipe()) << recipe_text(*this, tokenizer);
}

std::string file_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string deterministic_result(const fs::path& run) {
  std::string result;
  for (auto record : read_metrics(run / "metrics.jsonl")) {
    std::erase_if(record.values,
                  [](const auto& entry) { return !is_deterministic_metric(entry.first); });
    result += metrics_line(record) + "\n";
  }
  std::vector<fs::path> samples;
  for (const auto& entry : fs::directory_iterator(run / "samples")) samples.push_back(entry.path());
  std::ranges::sort(samples);
  for (const auto& path : samples) result += path.filename().string() + "\n" + file_text(path);
  return result + file_text(run / "final" / "model.safetensors");
}

}  // namespace gradus::rl
