#pragma once

#include <string>

namespace gradus::rl {

/// What the KL term compares with (`rl.reference`).
struct ReferenceSpec {
  enum class Kind {
    none,        ///< nothing: there is no KL term
    start,       ///< the policy that training started from, adapters of model.lora.path included
    base,        ///< the base model below adapters
    self,        ///< the policy as it was after the last multiple of `every` steps
    average,     ///< after each `every` steps: decay * itself + (1 - decay) * the policy
    checkpoint,  ///< another checkpoint of the same model
  };
  Kind kind = Kind::start;
  int every = 0;       ///< steps
  double decay = 0.0;  ///< in (0, 1)
  std::string path;
};

/// Reads "none", "start", "base", "self@every(400)", "ema(0.99, 10)", or a checkpoint's path.
/// @throws ConfigError  e.g. ema with a decay outside (0, 1).
ReferenceSpec parse_reference(const std::string& text);

}  // namespace gradus::rl
