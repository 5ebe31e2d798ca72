#include "rl/recipe/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "policy/formats/expected_tensors.h"
#include "policy/kernels/matmul.h"
#include "rl/learn/learner.h"
#include "rl/recipe/plan_input.h"
#include "rl/recipe/train.h"
#include "rl/run/ledger.h"
#include "rl/run/metrics_log.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;
namespace kernels = policy::kernels;

constexpr int64_t kMaxCalibrationBytes = int64_t{16} << 20;
constexpr int64_t kSide = 512;  // a call ends before another program takes its core
constexpr double kMeasure_s = 0.15;
constexpr int64_t kCopiedFloats = int64_t{16} << 20;
constexpr int64_t kTrialSteps = 4;
constexpr int64_t kLargeTrialSteps = 2;
constexpr int64_t kLargeModel = 20'000'000;  // parameters: steps are long

/// FLOP/s of C = A B, the best of the calls that fit the time.
double product_rate(ThreadTeam& team, kernels::Type type, const Clock& clock) {
  std::vector<float> a(kSide * kSide, 0.5F);
  std::vector<float> b(kSide * kSide, 0.25F);
  std::vector<float> c(kSide * kSide);
  kernels::PackedMatrix packed;
  packed.pack(team, {b.data(), kernels::Type::f32, kSide, kSide, kSide},
              kernels::PackedMatrix::Source::rows_are_outputs, type);
  double best = 0.0;
  const double begin = clock.now_s();
  for (double from = begin; from - begin < kMeasure_s;) {
    kernels::matmul(team, {a.data(), kernels::Type::f32, kSide, kSide, kSide}, packed,
                    {c.data(), kernels::Type::f32, kSide, kSide, kSide});
    const double now = clock.now_s();
    if (now <= from) break;  // a clock that stands
    best = std::max(best, 2.0 * kSide * kSide * kSide / (now - from));
    from = now;
  }
  return best;
}

double copy_rate(ThreadTeam& team, const Clock& clock) {
  std::vector<float> from(kCopiedFloats, 1.0F);
  std::vector<float> to(kCopiedFloats);
  double best = 0.0;
  for (int i = 0; i < 3; ++i) {
    const double begin = clock.now_s();
    team.for_range(kCopiedFloats, kCopiedFloats / 64, [&](int64_t first, int64_t last) {
      std::memcpy(to.data() + first, from.data() + first,
                  static_cast<size_t>(last - first) * sizeof(float));
    });
    const double seconds = clock.now_s() - begin;
    if (seconds > 0.0) best = std::max(best, 2.0 * kCopiedFloats * sizeof(float) / seconds);
  }
  return best;
}

class TrialObserver final : public RunObserver {};

RunConfig trial_of(const RunConfig& config, const fs::path& scratch) {
  RunConfig trial = config;
  trial.run.dir = scratch.string();
  const auto count = policy::count_parameters(model_of(config));
  trial.run.steps = count.total() > kLargeModel ? kLargeTrialSteps : kTrialSteps;
  trial.run.eval_every = config.run.eval_every > 0 ? trial.run.steps : 0;
  trial.run.eval_at_start = false;
  trial.run.epochs = 0.0;
  trial.run.max_hours = 0.0;
  trial.run.checkpoint_every = 1;
  trial.run.keep = 1;
  trial.run.keep_best = false;
  trial.run.loggers.clear();
  trial.run.disk_full_wait_s = 0.0;
  return trial;
}

/// Sums over the steps from the second on.
struct TrialSums {
  LedgerTotal rollout, rewards, update, idle, save, load, last_save, evaluate;
  int64_t steps = 0;
  int64_t saves = 0;
  int64_t peak_memory = 0;
};

TrialSums sums_of(const std::vector<LedgerLine>& lines) {
  TrialSums sums;
  int64_t last = 0;
  for (const LedgerLine& line : lines)
    if (line.stage == "update" || line.stage == "rollout") last = std::max(last, line.step);
  for (const LedgerLine& line : lines) {
    sums.peak_memory = std::max(sums.peak_memory, line.total.peak_memory);
    if (line.stage == "load") sums.load += line.total;
    if (line.stage == "evaluate") sums.evaluate += line.total;
    if (line.stage == "save" && line.step == last) sums.last_save += line.total;
    if (line.stage == "save" && line.step < last) {
      sums.save += line.total;
      ++sums.saves;
    }
    if (line.step < 2) continue;
    if (line.stage == "rollout") sums.rollout += line.total;
    if (line.stage == "rewards") sums.rewards += line.total;
    if (line.stage == "update") sums.update += line.total;
    if (line.stage == "idle") sums.idle += line.total;
  }
  sums.steps = last - 1;
  return sums;
}

double per(double sum, double count) {
  return count > 0.0 ? sum / count : 0.0;
}

StageRates rates_of(const RunConfig& config, const std::vector<LedgerLine>& lines) {
  const TrialSums sums = sums_of(lines);
  const auto steps = static_cast<double>(sums.steps);
  const bool selects = config.run.task == "rejection_sample";
  const double prompts = steps * static_cast<double>(selects ? config.sample.prompts_per_step
                                                             : config.rl.prompts_per_step);
  const double completions =
      prompts * static_cast<double>(selects ? config.sample.samples : config.rl.group_size);
  StageRates rates;
  rates.rollout_flops_s = per(sums.rollout.flops, sums.rollout.seconds);
  rates.update_flops_s = per(sums.update.flops, sums.update.seconds);
  rates.rollout_flops = per(sums.rollout.flops, steps);
  rates.update_flops = per(sums.update.flops, steps);
  rates.trained_tokens = per(static_cast<double>(sums.update.trained), steps);
  rates.idle_s = per(sums.idle.seconds, steps);
  rates.load_s = sums.load.seconds;
  rates.evaluate_s = sums.evaluate.seconds;
  rates.save_s = per(sums.save.seconds, static_cast<double>(sums.saves));
  rates.final_s = sums.last_save.seconds;
  rates.peak_memory = static_cast<double>(sums.peak_memory);
  if (sums.rollout.sampled > 0) {
    rates.rewards_s = per(sums.rewards.seconds, completions);
    rates.completion_tokens = per(static_cast<double>(sums.rollout.sampled), completions);
    rates.prompt_tokens =
        per(static_cast<double>(sums.rollout.tokens - sums.rollout.sampled), prompts);
  }
  return rates;
}

template <class Rates>
std::optional<Rates> rates_in(const nlohmann::json& table, const std::string& key, double wall_s) {
  const auto found = table.find(key);
  if (found == table.end()) return std::nullopt;
  try {
    Rates rates;
    nlohmann::json values = *found;
    const double measured = values.at("measured").get<double>();
    values.erase("measured");
    read_settings_json(rates, values, "calibration");
    rates.age_s = std::max(0.0, wall_s - measured);
    return rates;
  } catch (const std::exception&) {  // of another version: as if it were not there
    return std::nullopt;
  }
}

template <class Rates>
nlohmann::json dated(const Rates& rates, double wall_s) {
  nlohmann::json values = settings_json(rates);
  values["measured"] = wall_s;
  return values;
}

std::string device_key(int threads) {
  return fmt::format("{}/{}", kernels::instruction_set(), threads);
}

}  // namespace

void describe(DeviceRates& c, SettingFields& field) {
  field("f32", c.f32, any(), "FLOP/s of float32 products");
  field("bf16", c.bf16, any(), "FLOP/s of bfloat16 products");
  field("memory_rate", c.memory_rate, any(), "bytes a second");
}

void describe(StageRates& c, SettingFields& field) {
  field("rollout_flops_s", c.rollout_flops_s, any(), "FLOP/s of sampling");
  field("update_flops_s", c.update_flops_s, any(), "FLOP/s of updates");
  field("rollout_flops", c.rollout_flops, any(), "of a step's sampling");
  field("update_flops", c.update_flops, any(), "of a step's update");
  field("rewards_s", c.rewards_s, any(), "per completion");
  field("idle_s", c.idle_s, any(), "per step");
  field("load_s", c.load_s, any(), "of the start");
  field("evaluate_s", c.evaluate_s, any(), "of one evaluation");
  field("save_s", c.save_s, any(), "of a checkpoint");
  field("final_s", c.final_s, any(), "of the last checkpoint and final/");
  field("prompt_tokens", c.prompt_tokens, any(), "mean");
  field("completion_tokens", c.completion_tokens, any(), "mean");
  field("trained_tokens", c.trained_tokens, any(), "per step");
  field("peak_memory", c.peak_memory, any(), "bytes");
}

DeviceRates measure_device(int threads, const Clock& clock) {
  ThreadTeam team(std::max(1, threads));
  DeviceRates rates;
  rates.f32 = product_rate(team, kernels::Type::f32, clock);
  rates.bf16 = product_rate(team, kernels::Type::bf16, clock);
  rates.memory_rate = copy_rate(team, clock);
  return rates;
}

StageRates measure_stage(const RunConfig& config, const fs::path& scratch, const Clock& clock,
                         const std::stop_token& stop) {
  TrialObserver observer;
  std::vector<LedgerLine> lines;
  try {
    train(trial_of(config, scratch), {observer, stop, clock});
    lines = read_ledger_lines(scratch / "ledger.jsonl");
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
    throw;
  }
  std::error_code ignored;
  fs::remove_all(scratch, ignored);
  if (stop.stop_requested()) throw Error("the trial was stopped; nothing was measured");
  return rates_of(config, lines);
}

Calibration::Calibration(fs::path path, double wall_s)
    : path_(std::move(path)), wall_s_(wall_s), json_(nlohmann::json::object()) {
  try {
    if (!path_.empty() && fs::exists(path_)) json_ = read_json(path_, kMaxCalibrationBytes);
  } catch (const Error&) {
  }
  if (!json_.is_object()) json_ = nlohmann::json::object();
  for (const char* table : {"devices", "stages"})
    if (!json_.contains(table) || !json_[table].is_object())
      json_[table] = nlohmann::json::object();
}

std::optional<DeviceRates> Calibration::device(int threads) const {
  return rates_in<DeviceRates>(json_["devices"], device_key(threads), wall_s_);
}

std::optional<StageRates> Calibration::stage(const RunConfig& config) const {
  return rates_in<StageRates>(json_["stages"], stage_key(config), wall_s_);
}

void Calibration::keep(int threads, const DeviceRates& rates) {
  json_["devices"][device_key(threads)] = dated(rates, wall_s_);
  write();
}

void Calibration::keep(const RunConfig& config, const StageRates& rates) {
  json_["stages"][stage_key(config)] = dated(rates, wall_s_);
  write();
}

void Calibration::write() const {
  if (path_.empty()) return;
  std::error_code failed;
  fs::create_directories(path_.parent_path(), failed);
  write_file_atomically(path_, json_.dump(2) + "\n");
}

std::string stage_key(const RunConfig& config) {
  nlohmann::json settings = settings_json(config);
  for (const char* section : {"run", "eval", "ledger", "rewards_limits"}) settings.erase(section);
  settings["task"] = config.run.task;
  settings["machine"] = device_key(team_size(config.run.threads));
  return sha256(settings.dump());
}

}  // namespace gradus::rl
