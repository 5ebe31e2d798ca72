#include "rl/plan/published.h"

#include "base/json.h"

namespace gradus::rl {
namespace {

using Work = StagePlanInput::Work;

constexpr const char* kV3Config =
#include "rl/plan/deepseek_v3_config.json.raw"
    ;

StagePlanInput v3_stage(const char* name, const char* kind) {
  StagePlanInput stage;
  stage.name = name;
  stage.kind = kind;
  stage.model = deepseek_v3();
  stage.policy.precision = policy::Precision::bfloat16;
  return stage;
}

StagePlanInput text_stage(const char* name, const char* kind, double steps, double sequences,
                          double length) {
  StagePlanInput stage = v3_stage(name, kind);
  stage.steps = steps;
  stage.sequence_length = length;
  stage.tokens_per_step = sequences * length;
  return stage;
}

// DeepSeek-V3's report, arXiv:2412.19437: 4.2 (data, batches), 4.3 (context extension), 5.1 (rows
// and epochs of fine-tuning; tokens a row are not published).
std::vector<StagePlanInput> v3_stages() {
  constexpr double kTokens = 14.8e12;
  constexpr double kSequences = 15360.0;
  constexpr double kPostRows = 1.5e6;
  constexpr double kPostRowTokens = 6667.0;
  return {
      text_stage("pre-training", "pretrain", kTokens / (kSequences * 4096.0), kSequences, 4096.0),
      text_stage("context 32K", "pretrain", 1000.0, 1920.0, 32768.0),
      text_stage("context 128K", "pretrain", 1000.0, 480.0, 131072.0),
      text_stage("post-training", "sft", 2.0 * kPostRows / kSequences, kSequences, kPostRowTokens)};
}

std::vector<PublishedRow> v3_bill() {
  return {{"Pre-training", {"pre-training"}, 2664e3, 5.328e6},
          {"Context extension", {"context 32K", "context 128K"}, 119e3, 0.238e6},
          {"Post-training", {"post-training"}, 5e3, 0.010e6}};
}

StagePlanInput r1_rl(const char* name, double steps, double first, double last, double max) {
  StagePlanInput stage = v3_stage(name, "grpo");
  stage.work = Work::rl;
  stage.steps = steps;
  stage.prompts_per_step = 32.0;
  stage.group_size = 16.0;
  stage.steps_per_rollout = 16.0;
  stage.prompt_tokens = 200.0;
  stage.first_tokens = first;
  stage.last_tokens = last;
  stage.max_tokens = max;
  stage.scored_passes = 2.0;  // old and reference logprobs
  return stage;
}

// DeepSeek-R1, arXiv:2501.12948 v2: 2 and B.4 (steps, batches, lengths), tables 5 and 7.
std::vector<StagePlanInput> r1_stages() {
  constexpr double kRows = 804745.0;
  constexpr double kRowTokens = 5355.0;
  StagePlanInput data = v3_stage("SFT data", "rejection_sample");
  data.work = Work::sampling;
  data.steps = 1.0;
  data.prompts_per_step = kRows;
  data.group_size = 4.0;
  data.prompt_tokens = 200.0;
  data.first_tokens = kRowTokens;
  data.max_tokens = 32768.0;
  return {r1_rl("R1-Zero, to 32K", 8200.0, 1000.0, 9700.0, 32768.0),
          r1_rl("R1-Zero, to 64K", 2200.0, 9700.0, 12000.0, 65536.0),
          text_stage("cold start", "sft", 2.0 * 5000.0 / 64.0, 64.0, kRowTokens),
          r1_rl("first RL", 1700.0, 6000.0, 9000.0, 32768.0),
          data,
          text_stage("SFT", "sft", 2.0 * kRows / 64.0, 64.0, kRowTokens),
          r1_rl("second RL", 1700.0, 5000.0, 8000.0, 32768.0)};
}

std::vector<PublishedRow> r1_bill() {
  return {{"R1-Zero", {"R1-Zero, to 32K", "R1-Zero, to 64K"}, 101e3, 202e3},
          {"SFT data", {"SFT data"}, 5e3, 10e3},
          {"R1", {"cold start", "first RL", "SFT", "second RL"}, 41e3, 82e3}};
}

const PublishedRun kV3{
    "deepseek-v3",
    "DeepSeek-V3, from pre-training to post-training (arXiv:2412.19437, table 1)",
    v3_stages,
    v3_bill,
    "devices=2048,kind=h800,pp=16,ep=64,zero=1,dualpipe=true,price=2",
    "mfu and mfu_long were found from the published hours: what a plan can show is that tokens, "
    "operations and hours agree\n"
    "post-training: 1.5 million rows twice; 6,667 tokens a row are assumed, and as many rows a "
    "step as in "
    "pre-training\n"
    "operations as published counts have them: forward and backward three times the forward pass, "
    "without prediction modules and recomputation"};

const PublishedRun kR1{
    "deepseek-r1",
    "DeepSeek-R1 and R1-Zero from DeepSeek-V3-Base (arXiv:2501.12948, table 7)",
    r1_stages,
    r1_bill,
    "devices=512,kind=h800,pp=1,ep=64,zero=3,price=2",
    "lengths of completions are assumed: R1-Zero's mean from 1,000 to 12,000 tokens, linear; "
    "prompts of 200 tokens\n"
    "steps of the first RL are not published: 1,700 assumed, as the second's\n"
    "SFT data: 4 samples for each of 804,745 rows assumed; rewriting and judging are left out\n"
    "cold start: 5,000 rows (\"thousands\") twice; two forward passes for old and reference "
    "logprobs"};

}  // namespace

policy::ModelConfig deepseek_v3() {
  return policy::parse_model_config(parse_json(kV3Config, "deepseek_v3"), "deepseek_v3");
}

const Registry<PublishedRun>& published_runs() {
  static const PublishedRun* const kAll[] = {&kV3, &kR1};
  static const Registry<PublishedRun> kRegistry("--published", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
