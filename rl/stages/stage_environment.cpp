#include "rl/stages/stage.h"

namespace gradus::rl {

StepEnvironment environment_of(const Run& run, Learner& learner) {
  return {run.clock(), &learner.communicator(), &learner.keeper(), run.stop()};
}

}  // namespace gradus::rl
