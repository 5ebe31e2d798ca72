// Decoding with latent attention's two caches: one latent and one rope key per token (absorbed),
// and keys and values of every head (expanded), on a fresh model with DeepSeek-V3's head sizes (128
// + 64, values 128, rank 512) and dense feed-forward layers. Prompts are prefilled, not timed.
//
//   bench_latent_cache [--heads 32] [--layers 2] [--width 1024] [--context 2048] [--sequences 1,8]
//                      [--tokens 16] [--precision bfloat16] [--threads N]
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"
#include "policy/policy.h"

namespace {

using namespace gradus;          // NOLINT(google-build-using-namespace): one small program
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): one small program

struct Shape {
  int heads = 32;
  int layers = 2;
  int width = 1024;
  int context = 2048;
  int tokens = 16;
};

nlohmann::json model_config(const Shape& shape) {
  return {{"architectures", {"DeepseekV3ForCausalLM"}},
          {"model_type", "deepseek_v3"},
          {"vocab_size", 1024},
          {"hidden_size", shape.width},
          {"intermediate_size", 2 * shape.width},
          {"moe_intermediate_size", 64},
          {"num_hidden_layers", shape.layers},
          {"first_k_dense_replace", shape.layers},
          {"num_attention_heads", shape.heads},
          {"num_key_value_heads", shape.heads},
          {"q_lora_rank", 512},
          {"kv_lora_rank", 512},
          {"qk_nope_head_dim", 128},
          {"qk_rope_head_dim", 64},
          {"v_head_dim", 128},
          {"max_position_embeddings", 4096},
          {"initializer_range", 0.02},
          {"torch_dtype", "float32"}};
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds of one decode step of `sequences` sequences: the best of `tokens` steps.
double step_seconds(const Policy& policy, int sequences, const Shape& shape, ThreadTeam& team) {
  const int blocks = (shape.context + shape.tokens + kBlockTokens) / kBlockTokens;
  KvCache cache(policy.model_config(), policy.compute_dtype(), policy.device(),
                int64_t{blocks} * sequences);
  std::vector<std::vector<int32_t>> tables(static_cast<size_t>(sequences));
  RandomStream random(7);
  const auto token = [&] { return random.below(policy.model_config().vocab_size); };
  DecodeBatch batch;
  for (int s = 0; s < sequences; ++s) {
    auto& table = tables[static_cast<size_t>(s)];
    for (int b = 0; b < blocks; ++b) table.push_back(s * blocks + b);
    // One prompt is computed; the other sequences get copies of its blocks, in memory of their own.
    DecodeBatch prefill;
    prefill.block_tables = {table};
    for (int i = 0; i < shape.context; ++i) {
      prefill.tokens.push_back(token());
      prefill.places.push_back(i);
      prefill.sequences.push_back(0);
    }
    prefill.logit_rows = {shape.context - 1};
    if (s == 0) policy.decode(prefill, cache, team);
    if (s > 0) {
      for (int b = 0; b < shape.context / kBlockTokens; ++b) cache.copy_block(b, s * blocks + b);
    }
    batch.block_tables.push_back(table);
    batch.sequences.push_back(s);
    batch.logit_rows.push_back(s);
  }
  double best = 1e9;
  for (int t = 0; t < shape.tokens; ++t) {
    batch.tokens.clear();
    for (int s = 0; s < sequences; ++s) batch.tokens.push_back(token());
    batch.places.assign(static_cast<size_t>(sequences), shape.context + t);
    const double begin = seconds_now();
    policy.decode(batch, cache, team);
    best = std::min(best, seconds_now() - begin);
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("latent attention's cache, absorbed and expanded");
  Shape shape;
  PolicyConfig config;
  std::string precision = "bfloat16";
  std::vector<int> sequences = {1, 8};
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  app.add_option("--heads", shape.heads);
  app.add_option("--layers", shape.layers);
  app.add_option("--width", shape.width);
  app.add_option("--context", shape.context, "a multiple of 16");
  app.add_option("--tokens", shape.tokens);
  app.add_option("--sequences", sequences)->delimiter(',');
  app.add_option("--precision", precision)->check(CLI::IsMember({"bfloat16", "float32"}));
  app.add_option("--threads", threads);
  CLI11_PARSE(app, argc, argv);
  at::set_num_threads(1);
  config.precision = precision == "float32" ? Precision::float32 : Precision::bfloat16;
  ThreadTeam team(threads);

  std::vector<double> seconds[2];
  int64_t bytes[2] = {};
  for (const LatentCache form : {LatentCache::absorbed, LatentCache::expanded}) {
    const auto i = static_cast<size_t>(form);
    config.latent_cache = form;
    const auto policy = Policy::initialize(config, model_config(shape), 1, team);
    bytes[i] =
        KvCache::bytes_per_block(policy->model_config(), policy->compute_dtype()) / kBlockTokens;
    for (const int n : sequences) seconds[i].push_back(step_seconds(*policy, n, shape, team));
  }
  std::printf("%d heads, %d layers, width %d, %s, context %d\n", shape.heads, shape.layers,
              shape.width, precision.c_str(), shape.context);
  std::printf("cache per token: absorbed %ld bytes, expanded %ld bytes: %.1f times less\n",
              static_cast<long>(bytes[0]), static_cast<long>(bytes[1]),
              static_cast<double>(bytes[1]) / static_cast<double>(bytes[0]));
  for (size_t n = 0; n < sequences.size(); ++n) {
    std::printf("%3d sequences: absorbed %7.2f ms a step, expanded %7.2f ms: %.2f times faster\n",
                sequences[n], 1e3 * seconds[0][n], 1e3 * seconds[1][n],
                seconds[1][n] / seconds[0][n]);
  }
}
