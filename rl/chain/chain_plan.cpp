#include "rl/chain/chain_plan.h"

#include <map>

#include "rl/chain/chain_kind.h"
#include "rl/stages/stage.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

/// Models of the stages so far, by the folder of their runs.
using KnownModels = std::map<std::string, policy::ModelConfig>;

bool is_below(const std::string& path, const std::string& folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

policy::ModelConfig model_in(const RunConfig& config, const KnownModels& known) {
  for (const auto& [folder, model] : known)
    if (is_below(config.model.path, folder)) return model;
  return model_of(config);
}

/// The evaluation that comes after a stage.
void add_evaluation(const Chain& chain, const ChainStage& stage, StagePlanInput& input) {
  const bool is_eval = stage.entry.kind == "eval";
  const RunConfig& config = is_eval ? stage.config : chain.common;
  const bool is_wanted = is_eval || (chain.settings.evaluate && makes_answering_policy(stage));
  if (!is_wanted || !config.eval.has_problems()) return;
  input.evaluations += 1.0;
  if (input.eval_completions > 0.0) return;  // of the stage's own, which are of the same kind
  input.eval_completions = completions_of_evaluation(config);
  input.eval_max_tokens = tokens_of_evaluation(config);
}

/// A stage that is no run of steps.
void leave_evaluation_alone(StagePlanInput& input) {
  input.work = StagePlanInput::Work::none;
  input.steps = 0.0;
  input.evaluations = 0.0;
  input.eval_completions = 0.0;
  input.checkpoints = 0.0;
  input.disk_bytes = 0.0;
}

}  // namespace

StageToPlan stage_to_plan(const RunConfig& config) {
  return {plan_input(config, model_of(config), config.run.task), config, config.run.dir, true};
}

std::vector<StageToPlan> stages_to_plan(const Chain& chain) {
  std::vector<StageToPlan> stages;
  KnownModels known;
  for (const ChainStage& stage : chain.stages) {
    const policy::ModelConfig model = model_in(stage.config, known);
    known[stage.folder.string()] = model;
    StageToPlan planned{plan_input(stage.config, model, stage.entry.name), stage.config,
                        stage.folder, true};
    planned.input.kind = stage.entry.kind;
    const bool is_run = chain_kinds().find(stage.entry.kind) == nullptr;
    if (!is_run) leave_evaluation_alone(planned.input);
    add_evaluation(chain, stage, planned.input);
    planned.can_be_tried = is_run;
    for (const fs::path& input : stage.inputs)
      planned.can_be_tried = planned.can_be_tried && fs::exists(input);
    stages.push_back(std::move(planned));
  }
  return stages;
}

}  // namespace gradus::rl
