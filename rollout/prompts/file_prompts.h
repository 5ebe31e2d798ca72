#pragma once

#include <memory>

#include "rollout/prompts/prompt_renderer.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::rollout {

/// The rows of a JSONL file. All are read and checked here: rows that are no prompts refuse the
/// file (at most 20 are shown), prompts that are too long are left out with their reason.
///
/// @param renderer  owned by the source.
/// Rows are kept as text: at most 2,000,000 unless config.count says more, and 8 GiB.
///
/// @throws FileError  "invalid_training_file": bad rows, no rows, too many, or none short enough;
///                    "not_jsonl": as base/files/data_format.h says.
std::unique_ptr<PromptSource> make_file_prompts(const DataConfig& config, PromptRenderer renderer,
                                                uint64_t seed);

}  // namespace gradus::rollout
