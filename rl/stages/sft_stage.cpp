#include "base/error.h"
#include "rl/stages/response_task.h"

namespace gradus::rl {
namespace {

std::unique_ptr<Stage> make_sft_stage(const RunConfig& config, Run& run, Learner& learner) {
  return std::make_unique<TextStage>(config, learner, make_response_task(config, run, learner));
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
