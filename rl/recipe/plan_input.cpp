#include "rl/recipe/plan_input.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "base/json.h"
#include "base/process/free_memory.h"
#include "base/process/own_process.h"
#include "base/quantity.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "rl/recipe/cost_model.h"
#include "rl/stages/stage.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr double kSampleBytesPerToken = 8.0;    // of a sample file's line: its text
constexpr double kSampleBytes = 600.0;          // and the rest of it
constexpr double kTokenBytes = 55.0;            // of one that run.sample_tokens records
constexpr double kRecordBytesPerStep = 4000.0;  // metrics, ledger, events

StagePlanInput::Work work_of(const std::string& kind, const StageKind& stage) {
  using Work = StagePlanInput::Work;
  if (kind == "export" || kind == "merge") return Work::none;
  if (kind == "rejection_sample" || kind == "eval") return Work::sampling;
  return stage.samples ? Work::rl : Work::text;
}

int64_t part_of_memory(const MemoryEstimate& memory, const std::string& name) {
  for (const auto& [part, bytes] : memory.parts)
    if (part == name) return bytes;
  return 0;
}

double lines_of(const std::string& path) {
  if (path.empty() || !fs::is_regular_file(path)) return 0.0;
  std::ifstream file(path, std::ios::binary);
  return static_cast<double>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

/// Problems of held-out data, as far as the recipe says.
double num_problems(const rollout::DataConfig& data) {
  return data.count > 0 ? static_cast<double>(data.count) : lines_of(data.path);
}

/// Steps of a recipe; where it counts epochs, those of the lines of its file.
double num_steps(const RunConfig& config, const StagePlanInput& input) {
  if (config.run.steps > 0 || config.run.epochs <= 0.0)
    return static_cast<double>(config.run.steps);
  const bool is_text = input.work == StagePlanInput::Work::text;
  const double rows =
      config.run.epochs *
      lines_of(is_text && config.data.path.empty() ? config.text.path : config.data.path);
  if (is_text) return std::ceil(rows * input.sequence_length / input.tokens_per_step);
  return std::ceil(rows / std::max(1.0, input.prompts_per_step));
}

void plan_evaluations(const RunConfig& config, StagePlanInput& input) {
  const int64_t every = config.run.eval_every;
  if (every <= 0 || !config.eval.has_problems()) return;
  input.evaluations = static_cast<double>(config.run.steps / every) +
                      (config.run.steps % every != 0 ? 1.0 : 0.0) +
                      (config.run.eval_at_start ? 1.0 : 0.0);
  input.eval_completions = completions_of_evaluation(config);
  input.eval_max_tokens = tokens_of_evaluation(config);
}

/// Checkpoints that are kept and the one that is being written, the policies at the end, samples
/// and records.
double disk_of(const RunConfig& config, const policy::ModelConfig& model,
               const MemoryEstimate& memory) {
  const auto trained = static_cast<double>(part_of_memory(memory, "gradients (float32)"));
  const double checkpoint =
      trained + static_cast<double>(part_of_memory(memory, "optimizer moments"));
  const double best = config.run.keep_best && config.run.eval_every > 0 ? 1.0 : 0.0;
  const auto count = policy::count_parameters(model);
  const double element = model.dtype == policy::DType::F32 ? 4.0 : 2.0;
  const double policy = element * static_cast<double>(count.total() + count.mtp);
  double bytes = 0.0;
  if (stages().at(config.run.task).learns)
    bytes =
        checkpoint * (static_cast<double>(config.run.keep) + best + 1.0) + policy * (1.0 + best);
  const auto steps = static_cast<double>(config.run.steps);
  bytes += steps * kRecordBytesPerStep;
  if (config.run.samples_every > 0 && stages().at(config.run.task).samples) {
    const double tokens = config.rollout.sampling.max_tokens / 2.0;
    const auto groups = static_cast<double>(config.rl.prompts_per_step);
    const double recorded = std::min(groups, static_cast<double>(config.run.sample_tokens));
    bytes +=
        steps / static_cast<double>(config.run.samples_every) * config.rl.group_size *
        (groups * (kSampleBytes + kSampleBytesPerToken * tokens) + recorded * kTokenBytes * tokens);
  }
  return bytes;
}

fs::path nearest_folder(fs::path folder) {
  std::error_code ignored;
  folder = fs::absolute(folder, ignored);
  while (!fs::exists(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

}  // namespace

policy::ModelConfig model_of(const RunConfig& config) {
  if (!config.model.path.empty())
    return policy::load_model_config(*policy::open_checkpoint(config.model.path));
  return policy::parse_model_config(read_json(config.model.config), config.model.config);
}

StagePlanInput plan_input(const RunConfig& config, const policy::ModelConfig& model,
                          std::string name) {
  const StageKind& stage = stages().at(config.run.task);
  StagePlanInput input;
  input.name = std::move(name);
  input.kind = config.run.task;
  input.model = model;
  input.policy = config.model;
  input.work = work_of(config.run.task, stage);
  input.price_per_hour = config.ledger.device_price_per_hour;
  if (input.work == StagePlanInput::Work::text) {
    input.sequence_length = static_cast<double>(std::min(
        {config.text.sequence_length, config.text.batch_tokens, model.max_position_embeddings}));
    input.tokens_per_step = std::max(1.0, std::floor(static_cast<double>(config.text.batch_tokens) /
                                                     input.sequence_length)) *
                            input.sequence_length;
    input.trains_prediction = config.text.mtp_weight > 0.0 && config.model.lora.rank == 0;
  } else {
    const bool selects = input.work == StagePlanInput::Work::sampling;
    input.prompts_per_step =
        selects ? static_cast<double>(config.sample.prompts_per_step) : config.rl.prompts_per_step;
    input.group_size = selects ? config.sample.samples : config.rl.group_size;
    input.max_tokens = config.rollout.sampling.max_tokens;
    input.epochs = config.rl.epochs;
    input.scored_passes = (config.rl.kl_coef > 0.0 ? 1.0 : 0.0) +
                          (config.rl.epochs * config.rl.minibatches > 1 ? 1.0 : 0.0);
  }
  input.steps = num_steps(config, input);
  plan_evaluations(config, input);
  if (config.run.checkpoint_every > 0)
    input.checkpoints = static_cast<double>((config.run.steps - 1) / config.run.checkpoint_every);
  const MemoryEstimate memory = estimate_memory(model, config);
  input.memory = memory.parts;
  input.memory.emplace_back("program and libraries", resident_bytes());
  input.disk_bytes = disk_of(config, model, memory);
  return input;
}

double completions_of_evaluation(const RunConfig& config) {
  double completions = num_problems(config.eval.data) * config.eval.samples;
  for (const EvalSet& set : config.eval.sets)
    completions += num_problems(set.data) * set.samples.value_or(config.eval.samples);
  return completions;
}

double tokens_of_evaluation(const RunConfig& config) {
  return config.eval.max_tokens > 0 ? config.eval.max_tokens : config.rollout.sampling.max_tokens;
}

StagePlan space_of(const StagePlanInput& input) {
  StagePlan plan;
  plan.name = input.name;
  plan.kind = input.kind;
  for (const auto& [part, bytes] : input.memory)
    plan.memory.emplace_back(part, static_cast<double>(bytes));
  plan.disk_bytes = input.disk_bytes;
  return plan;
}

std::vector<std::string> shortages(const StagePlan& plan, const fs::path& folder) {
  std::vector<std::string> texts;
  const double memory = plan.memory_per_device();
  const auto free_memory = static_cast<double>(free_memory_bytes() + resident_bytes());
  if (memory > free_memory)
    texts.push_back(fmt::format(
        "memory: this stage may take {}, {} can be had. Lower rl.microbatch_tokens or "
        "rollout.kv_cache_mb, set model.activation_checkpointing = true, or train adapters "
        "(model.lora.rank = 16)",
        bytes_text(memory), bytes_text(free_memory)));
  const auto free_disk = static_cast<double>(free_disk_bytes(folder));
  if (plan.disk_bytes > free_disk)
    texts.push_back(fmt::format(
        "disk: this stage may take {}, {} are free at {}. Lower run.keep or raise "
        "run.samples_every, or set run.dir to a folder on a larger disk",
        bytes_text(plan.disk_bytes), bytes_text(free_disk), nearest_folder(folder).string()));
  return texts;
}

int64_t free_disk_bytes(const fs::path& folder) {
  struct statvfs disk {};
  if (::statvfs(nearest_folder(folder).c_str(), &disk) != 0) return 0;
  return static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
}

std::optional<StagePlan> plan_here(const RunConfig& config, const policy::ModelConfig& model,
                                   const Calibration& calibration, int threads) {
  PlanBasis basis;
  basis.cluster.devices = config.ledger.devices;
  basis.machine = calibration.device(threads);
  const auto rates = calibration.stage(config);
  const bool is_machine = config.model.device == policy::DeviceKind::cpu && basis.machine;
  if (!rates && !is_machine) return std::nullopt;
  return plan_stage(plan_input(config, model, config.run.task), basis, rates);
}

}  // namespace gradus::rl
