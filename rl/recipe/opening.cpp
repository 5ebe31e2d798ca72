#include "rl/recipe/opening.h"

#include <fmt/format.h>

#include <thread>

#include "base/process/free_memory.h"
#include "policy/formats/expected_tensors.h"
#include "rl/recipe/cost_model.h"

namespace gradus::rl {

RunOpening opening_of(const RunConfig& config, const Learner& learner, const Stage& stage,
                      const Run& run) {
  const policy::ModelConfig& model = learner.policy().model_config();
  RunOpening opening;
  opening.task = config.run.task;
  opening.model = config.model.is_fresh() ? config.model.config : config.model.path;
  opening.is_fresh = config.model.is_fresh();
  opening.num_parameters = policy::count_parameters(model).total();
  for (const auto& parameter : learner.trained_parameters())
    opening.num_trained += parameter.value.numel();
  opening.directory = run.directory().path();
  opening.memory_bytes = estimate_memory(model, config).total();
  opening.free_bytes = free_memory_bytes();
  stage.describe_data(opening);
  return opening;
}

std::vector<std::string> doubtful_settings(const RunConfig& config, int max_context) {
  std::vector<std::string> sentences;
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  if (cores > 0 && config.run.threads > cores)
    sentences.push_back(fmt::format(
        "run.threads is {}, and there are {} cores: threads that wait for a core make every step "
        "slower. Set 0 for all cores",
        config.run.threads, cores));
  const int longest = config.rollout.sampling.max_tokens;
  const bool samples = stages().at(config.run.task).samples || config.eval.has_problems();
  if (samples && longest >= max_context)
    sentences.push_back(fmt::format(
        "rollout.max_tokens is {}, and the model's context holds {} tokens with the prompt: "
        "completions end where it is full. Lower rollout.max_tokens",
        longest, max_context));
  return sentences;
}

}  // namespace gradus::rl
