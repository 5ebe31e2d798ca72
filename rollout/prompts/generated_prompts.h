#pragma once

#include <memory>

#include "rollout/prompts/prompt_renderer.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::rollout {

/// Prompts of a generated task: rows data.offset, data.offset + 1, ..., made when they are asked
/// for. A row whose prompt is too long is drawn again from the next seed, at most 100 times.
///
/// @throws ConfigError  unknown task, bad options, or rows that are all too long.
std::unique_ptr<PromptSource> make_generated_prompts(const DataConfig& config,
                                                     PromptRenderer renderer, uint64_t seed);

}  // namespace gradus::rollout
