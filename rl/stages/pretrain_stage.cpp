#include "base/error.h"
#include "rl/stages/text_stage.h"

namespace gradus::rl {
namespace {

std::unique_ptr<Stage> make_pretrain_stage(const RunConfig& config, Run&, Learner& learner) {
  TextTask task;
  task.texts = make_document_source(config.text.path, learner.tokenizer(), config.text, true,
                                    config.run.seed);
  if (!config.text.eval_path.empty())
    task.held_out =
        make_document_source(config.text.eval_path, learner.tokenizer(), config.text, false, 0);
  task.mixture = resolve(config.text.moe, learner.policy(), "text.moe", true);
  return std::make_unique<TextStage>(config, learner, std::move(task));
}

void check_pretrain(const RunConfig& config, const std::string& source) {
  if (config.text.path.empty())
    throw ConfigError(source + ": text.path: is empty. Name a JSONL file of texts");
}

}  // namespace

extern const StageKind kPretrainStage;
const StageKind kPretrainStage{.name = "pretrain",
                               .text = "next-token training on `text.path`",
                               .samples = false,
                               .check = check_pretrain,
                               .make = make_pretrain_stage,
                               .estimate = estimate_text,
                               .microbatch_rows = text_rows};

}  // namespace gradus::rl
