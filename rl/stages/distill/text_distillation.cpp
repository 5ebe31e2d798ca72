#include "rl/stages/distill/text_distillation.h"

#include <utility>
#include <vector>

#include "rl/stages/distill/jsd_update.h"
#include "rl/stages/distill/teacher.h"
#include "rl/stages/response_task.h"

namespace gradus::rl {

JsdForm jsd_form(const DistillConfig& config) {
  return {config.beta, config.temperature, config.top_k};
}

std::unique_ptr<Stage> make_text_distillation(const RunConfig& config, Run& run, Learner& learner) {
  TextTask task = make_response_task(config, run, learner);
  const auto teacher = std::make_shared<const Teacher>(config.distill, learner);
  task.update = [&config, &learner, teacher, mixture = task.mixture](
                    const std::vector<TextExample>& examples, double learning_rate,
                    const StepEnvironment& environment) {
    std::vector<PackItem> items;
    for (const TextExample& example : examples) {
      PackItem item;
      item.tokens = example.tokens;
      item.is_target = example.is_target;
      items.push_back(item);
    }
    const TrainingStep step{learner.policy(),
                            learner.optimizer(),
                            learning_rate,
                            1.0,
                            learner.team(),
                            0.0,
                            policy::PredictionGradient::module_alone,
                            mixture,
                            environment};
    return update_on_distributions(step, teacher->policy(), items, config.text.microbatch_tokens,
                                   jsd_form(config.distill));
  };
  return std::make_unique<TextStage>(config, learner, std::move(task));
}

}  // namespace gradus::rl
