// Decoding speed of the policy at several numbers of sequences: every sequence gets a prompt of
// random tokens (prefilled, not timed), then all decode together, each token sampled at
// temperature 1 from the full distribution.
//
//   bench_decode [--model PATH] [--precision bfloat16] [--sequences 1,8,32,128] [--prompt N]
//                [--tokens N] [--threads N] [--json]
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"
#include "policy/kernels/softmax.h"
#include "policy/policy.h"

namespace {

using namespace gradus;          // NOLINT(google-build-using-namespace): one small program
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): one small program

struct Shape {
  int prompt = 16;
  int tokens = 64;
};

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<int64_t> sample(const at::Tensor& logits, RandomStream& random) {
  const auto* z = logits.data_ptr<float>();
  const int64_t vocabulary = logits.size(1);
  std::vector<int64_t> tokens;
  for (int64_t r = 0; r < logits.size(0); ++r) {
    const auto stats = kernels::softmax_stats(z + r * vocabulary, vocabulary, 1.0F);
    tokens.push_back(kernels::sample_index(z + r * vocabulary, vocabulary, 1.0F, stats.log_sum_exp,
                                           random.uniform()));
  }
  return tokens;
}

/// Sampled tokens per second of `sequences` sequences that decode together.
double decode_speed(const Policy& policy, int sequences, const Shape& shape, ThreadTeam& team) {
  const int blocks = (shape.prompt + shape.tokens + kBlockTokens) / kBlockTokens;
  KvCache cache(policy.model_config(), policy.compute_dtype(), policy.device(),
                int64_t{blocks} * sequences);
  std::vector<std::vector<int32_t>> tables(static_cast<size_t>(sequences));
  RandomStream random(7);
  DecodeBatch batch;
  std::vector<int64_t> next;
  for (int s = 0; s < sequences; ++s) {
    for (int b = 0; b < blocks; ++b) tables[static_cast<size_t>(s)].push_back(s * blocks + b);
    DecodeBatch prefill;
    prefill.block_tables = {tables[static_cast<size_t>(s)]};
    for (int i = 0; i < shape.prompt; ++i) {
      prefill.tokens.push_back(random.below(policy.model_config().vocab_size));
      prefill.places.push_back(i);
      prefill.sequences.push_back(0);
    }
    prefill.logit_rows = {shape.prompt - 1};
    next.push_back(sample(policy.decode(prefill, cache, team), random)[0]);
    batch.block_tables.push_back(tables[static_cast<size_t>(s)]);
    batch.sequences.push_back(s);
    batch.logit_rows.push_back(s);
  }
  const double begin = seconds_now();
  for (int t = 0; t < shape.tokens; ++t) {
    batch.tokens = next;
    batch.places.assign(static_cast<size_t>(sequences), shape.prompt + t);
    next = sample(policy.decode(batch, cache, team), random);
  }
  return sequences * shape.tokens / (seconds_now() - begin);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("decoding speed of a checkpoint");
  PolicyConfig config;
  config.path = GRADUS_SOURCE_DIR "/examples/nano/base";
  std::string precision = "bfloat16";
  std::vector<int> sequences = {1, 8, 32, 128};
  Shape shape;
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  bool json = false;
  app.add_option("--model", config.path, "checkpoint; default: the bundled base");
  app.add_option("--precision", precision)->check(CLI::IsMember({"bfloat16", "float32"}));
  app.add_option("--sequences", sequences)->delimiter(',');
  app.add_option("--prompt", shape.prompt);
  app.add_option("--tokens", shape.tokens);
  app.add_option("--threads", threads);
  app.add_flag("--json", json);
  CLI11_PARSE(app, argc, argv);
  at::set_num_threads(1);
  config.precision = precision == "float32" ? Precision::float32 : Precision::bfloat16;
  ThreadTeam team(threads);
  const auto policy = Policy::load(config, Purpose::inference, team);
  nlohmann::json figures;
  for (const int n : sequences) {
    const double speed = decode_speed(*policy, n, shape, team);
    figures[std::to_string(n)] = speed;
    if (!json) std::printf("%4d sequences: %8.1f tokens/s\n", n, speed);
  }
  if (json) std::printf("%s\n", figures.dump().c_str());
}
