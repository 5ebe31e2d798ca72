#pragma once

#include <memory>

#include "rollout/prompts/prompt_renderer.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::rollout {

/// The rows of a JSONL file. All are read and checked here: rows that are no prompts refuse the
/// file (at most 20 are shown), prompts that are too long are left out with their reason.
///
/// @param renderer  owned by the source.
/// @throws FileError  "invalid_training_file": bad rows, no rows, or none short enough.
std::unique_ptr<PromptSource> make_file_prompts(const DataConfig& config, PromptRenderer renderer,
                                                uint64_t seed);

}  // namespace gradus::rollout
