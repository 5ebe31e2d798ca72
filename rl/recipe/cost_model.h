#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "policy/formats/model_config.h"
#include "rl/stages/stage.h"

namespace gradus::rl {

/// Peak memory that a recipe will ask for, by part, in bytes.
struct MemoryEstimate {
  std::vector<std::pair<std::string, int64_t>>
      parts;  ///< with the words of `gradus train --dry-run`
  int64_t total() const;
};

MemoryEstimate estimate_memory(const policy::ModelConfig& config, const RunConfig& recipe);

/// What one step of a recipe computes at most.
/// @param prompt_tokens  typical length of a prompt.
StepCost estimate_step(const policy::ModelConfig& config, const RunConfig& recipe,
                       int64_t prompt_tokens);

}  // namespace gradus::rl
