#include "base/error.h"
#include "rl/stages/text_stage.h"

namespace gradus::rl {
namespace {

std::unique_ptr<Stage> make_pretrain_stage(const RunConfig& config, Run&, Learner& learner) {
  TextTask task;
  if (config.text.path.empty())
    task.texts =
        make_generated_documents(config.data, learner.tokenizer(), config.text, config.run.seed);
  else
    task.texts = make_document_source(config.text.path, config.text.count, learner.tokenizer(),
                                      config.text, true, config.run.seed);
  if (!config.text.eval_path.empty())
    task.held_out =
        make_document_source(config.text.eval_path, 0, learner.tokenizer(), config.text, false, 0);
  task.mixture = resolve(config.text.moe, learner.policy(), "text.moe", true);
  return std::make_unique<TextStage>(config, learner, std::move(task));
}

void check_pretrain(const RunConfig& config, const std::string& source) {
  if (!config.text.path.empty()) return;
  if (config.data.task.empty())
    throw ConfigError(source +
                      ": text.path: is empty, and so is data.task. Name a JSONL file of texts, or "
                      "a generated task whose rows have `text`");
  if (config.data.count == 0)
    throw ConfigError(source + ": data.count: is 0, must be >= 1: the task has no end");
}

}  // namespace

extern const StageKind kPretrainStage;
const StageKind kPretrainStage{
    .name = "pretrain",
    .text = "next-token training on `text.path`, or on `text` of a generated task",
    .samples = false,
    .check = check_pretrain,
    .make = make_pretrain_stage,
    .estimate = estimate_text,
    .microbatch_rows = text_rows};

}  // namespace gradus::rl
