#include "base/error.h"
#include "rl/collect/collector.h"
#include "rl/stages/conversation_source.h"
#include "rl/stages/text_stage.h"

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

std::unique_ptr<Stage> make_sft_stage(const RunConfig& config, Run& run, Learner& learner) {
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
  return std::make_unique<TextStage>(config, learner, std::move(task));
}

void check_sft(const RunConfig& config, const std::string& source) {
  if (config.data.path.empty() && config.data.task.empty())
    throw ConfigError(source + ": data.path: is empty. Name a JSONL file of prompts and responses");
}

}  // namespace

extern const StageKind kSftStage;
const StageKind kSftStage{.name = "sft",
                          .text = "supervised fine-tuning on `data`: loss on the responses",
                          .samples = false,
                          .check = check_sft,
                          .make = make_sft_stage,
                          .estimate = estimate_text,
                          .microbatch_rows = text_rows};

}  // namespace gradus::rl
