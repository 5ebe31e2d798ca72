#include "rl/stages/response_task.h"

#include <utility>

#include "rl/collect/collector.h"
#include "rl/stages/conversation_source.h"

namespace gradus::rl {
namespace {

std::unique_ptr<TextSource> make_responses(const RunConfig& config, const rollout::DataConfig& data,
                                           Run& run, Learner& learner) {
  const int max_context = learner.max_context();
  if (!data.path.empty() && holds_conversations(data.path))
    return make_conversation_source(data, learner.tokenizer(), max_context, config.run.seed);
  auto prompts =
      rollout::make_prompt_source(data, learner.tokenizer(), max_context, config.run.seed);
  warn_about(*prompts, run.observer());
  return make_response_source(std::move(prompts), learner.tokenizer(), config.text, max_context);
}

}  // namespace

TextTask make_response_task(const RunConfig& config, Run& run, Learner& learner) {
  TextTask task;
  task.mixture = resolve(config.text.moe, learner.policy(), "text.moe", false);
  task.texts = make_responses(config, config.data, run, learner);
  for (const auto& notice : task.texts->notices()) run.observer().on_warning(notice);
  if (!config.text.eval_path.empty()) {
    rollout::DataConfig data = config.data;
    data.path = config.text.eval_path;
    data.task.clear();
    data.count = 0;
    data.offset = 0;
    data.shuffle = false;
    task.held_out = make_responses(config, data, run, learner);
    for (const auto& notice : task.held_out->notices())
      run.observer().on_warning("text.eval_path: " + notice);
  }
  return task;
}

}  // namespace gradus::rl
