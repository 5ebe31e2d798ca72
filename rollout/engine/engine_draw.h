#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "rollout/engine/engine.h"

namespace gradus::rollout {

/// A token that is to be sampled from row `row` of the logits.
struct Engine::Draw {
  Job* job = nullptr;
  Sequence* sequence = nullptr;
  int64_t row = 0;
  bool has_draft = false;  ///< whose logits are in the next row
  std::optional<SampledToken> token;
  std::span<const float> logits;  // valid while the call's logits are
};

}  // namespace gradus::rollout
