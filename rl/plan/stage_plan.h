#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/formats/model_config.h"
#include "policy/policy_config.h"
#include "rl/plan/cluster.h"

namespace gradus::rl {

/// What a machine does at its best, measured by a short trial; see rl/recipe/calibration.h.
struct DeviceRates {
  double f32 = 0.0;          ///< FLOP/s of float32 products
  double bf16 = 0.0;         ///< the same of bfloat16
  double memory_rate = 0.0;  ///< bytes a second
  double age_s = 0.0;        ///< since it was measured
  double peak(policy::Precision precision) const {
    return precision == policy::Precision::bfloat16 ? bf16 : f32;
  }
};

/// What a stage did in a short trial on this machine.
struct StageRates {
  double rollout_flops_s = 0.0;  ///< FLOP/s; 0: it does not sample
  double update_flops_s = 0.0;
  double rewards_s = 0.0;  ///< per completion
  double idle_s = 0.0;     ///< per step
  double load_s = 0.0;
  double evaluate_s = 0.0;  ///< of one evaluation; 0: not measured
  double save_s = 0.0;      ///< of one checkpoint
  double final_s = 0.0;     ///< of the end: last checkpoint, final/
  double prompt_tokens = 0.0;
  double completion_tokens = 0.0;  ///< mean
  double trained_tokens = 0.0;     ///< per step
  double update_flops = 0.0;       ///< per step
  double rollout_flops = 0.0;      ///< per step
  double peak_memory = 0.0;        ///< bytes
  double age_s = 0.0;
};

/// One stage as a plan sees it. What a recipe says, nothing measured.
struct StagePlanInput {
  enum class Work { none, text, rl, sampling };

  std::string name;
  std::string kind;
  policy::ModelConfig model;
  policy::PolicyConfig policy;
  Work work = Work::text;
  double steps = 0.0;

  double tokens_per_step = 0.0;    ///< text: trained tokens
  double sequence_length = 0.0;    ///< text: mean; the attention's cost follows from it
  bool trains_prediction = false;  ///< multi-token prediction modules as well

  double prompts_per_step = 0.0;  ///< rl and sampling
  double group_size = 1.0;
  double prompt_tokens = 0.0;  ///< mean; 0: not known
  double first_tokens = 0.0;   ///< mean completion at the stage's begin; 0: not known
  double last_tokens = 0.0;    ///< and at its end, linear between
  double max_tokens = 0.0;
  double epochs = 1.0;
  double scored_passes = 0.0;      ///< forward passes for old and reference logprobs
  double steps_per_rollout = 1.0;  ///< steps whose completions are sampled at one time

  double evaluations = 0.0;
  double eval_completions = 0.0;  ///< of one evaluation
  double eval_max_tokens = 0.0;
  double checkpoints = 0.0;  ///< saved on the way

  std::vector<std::pair<std::string, int64_t>> memory;  ///< of one device alone, by part
  double disk_bytes = 0.0;
  double price_per_hour = 0.0;  ///< of the recipe; 0: none

  double completions_per_step() const { return prompts_per_step * group_size; }
};

/// What a stage will take.
struct StagePlan {
  std::string name;
  std::string kind;
  double devices = 1.0;
  double wall_s = 0.0;
  double step_s = 0.0;  ///< of a step, evaluations and the rest aside
  double sampled_tokens = 0.0;
  double trained_tokens = 0.0;
  double flops = 0.0;
  double flops_per_token = 0.0;  ///< of a trained token; of a sampled one where none is trained
  std::optional<double> money;
  std::vector<std::pair<std::string, double>> memory;  ///< bytes per device, by part
  double disk_bytes = 0.0;
  std::vector<std::pair<std::string, double>> seconds;  ///< by what they go into
  std::string limited_by;                               ///< compute, memory, network or the tail
  double bubble_share = 0.0;                            ///< of the pipeline
  double all_to_all_bytes = 0.0;                        ///< per token, there and back, all layers
  double network_share = 0.0;                           ///< of the network's rate
  std::vector<std::string> assumptions;                 ///< in words, of this stage

  double device_seconds() const { return wall_s * devices; }
  double device_hours() const { return device_seconds() / 3600.0; }
  double memory_per_device() const;
};

/// Where the plan is for, and what is known of it.
struct PlanBasis {
  Cluster cluster;
  PlanAssumptions assumptions;
  std::optional<DeviceRates> machine;  ///< of kind "this"
};

/// Time by a roofline of compute, memory and network, memory, disk and money of a stage;
/// docs/cost.md has the formulas and their sources.
/// @param rates  of this very stage on this machine; only with kind "this".
/// @throws ConfigError  kind "this" with neither rates nor machine.
StagePlan plan_stage(const StagePlanInput& input, const PlanBasis& basis,
                     const std::optional<StageRates>& rates = {});

/// Parameters of routed experts and of the rest, prediction modules aside.
std::pair<double, double> expert_and_other_parameters(const policy::ModelConfig& model);

}  // namespace gradus::rl
