#include <chrono>

#include "base/random.h"
#include "rollout/engine/engine.h"
#include "tests/catch.h"
#include "tests/rollout/fake_policy.h"
#include "tests/rollout/fake_tokenizer.h"

using namespace gradus;
using namespace gradus::rollout;
using gradus::rollout::testing::HashPolicy;
using gradus::rollout::testing::PieceTokenizer;
using WallTime = std::chrono::steady_clock;

namespace {

constexpr int64_t kVocab = 49152;

/// Logits that cost nothing, and the time spent in making them.
class ConstantPolicy : public HashPolicy {
 public:
  ConstantPolicy() : HashPolicy(kVocab, 2048), logits_(at::empty({64, kVocab}, at::kFloat)) {
    RandomStream random(1);
    for (int64_t i = 0; i < logits_.numel(); ++i)
      logits_.data_ptr<float>()[i] = static_cast<float>(2.0 * random.normal());
  }
  at::Tensor decode(const policy::DecodeBatch& batch, policy::KvCache&,
                    ThreadTeam&) const override {
    return logits_.narrow(0, 0, static_cast<int64_t>(batch.logit_rows.size()));
  }
  at::Tensor logits_;
};

}  // namespace

TEST_CASE("what a decode step costs outside of the policy", "[.bench][rollout]") {
  const ConstantPolicy policy;
  const PieceTokenizer tokenizer(std::vector<std::string>(kVocab - 1, " token"));
  SamplingConfig sampling;
  sampling.max_tokens = 1000;
  const int kind = GENERATE(0, 1, 2, 3);
  if (kind == 1) sampling.temperature = 0.0;
  if (kind == 2) sampling.top_p = 0.95;
  if (kind == 3) sampling.stop = {"</answer>", "\n\nQuestion:"};
  const char* names[] = {"plain", "greedy", "top-p 0.95", "two stop strings"};
  ThreadTeam team(1);
  Engine engine(policy, tokenizer, {32, 512, 4096}, team);
  RolloutRequest request;
  request.prompt.tokens.assign(100, 5);
  request.num_completions = 32;
  request.sampling = sampling;
  engine.submit(request);
  for (int i = 0; i < 5; ++i) engine.step();
  const int steps = 200;
  const auto start = WallTime::now();
  for (int i = 0; i < steps; ++i) engine.step();
  const double all =
      std::chrono::duration<double, std::milli>(WallTime::now() - start).count() / steps;
  const Sampler sampler(sampling);
  SamplerScratch scratch;
  scratch.reserve(kVocab);
  const auto begin = WallTime::now();
  for (int i = 0; i < 20; ++i)
    for (int64_t r = 0; r < 32; ++r)
      sampler.sample({policy.logits_.const_data_ptr<float>() + r * kVocab, kVocab}, 0.5F, scratch);
  const double draws = std::chrono::duration<double, std::milli>(WallTime::now() - begin).count() / 20;
  WARN(names[kind] << ": 32 sequences, V = 49152, 1 thread: " << all
                   << " ms a step, of which sampling " << draws << " ms");
}
