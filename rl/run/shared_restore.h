#pragma once

#include <utility>

#include "rl/learn/learner.h"
#include "rl/parallel/communicator.h"
#include "rl/run/checkpoint_store.h"
#include "rl/run/train_state.h"

namespace gradus::rl {

/// Where rank 0 stands, on every rank: its state, whether a checkpoint holds it, and then weights,
/// routers' biases and moments as well, published. So a run goes on with any number of ranks.
/// @param own      of rank 0; of others it does not count.
/// @param learner       null: a stage without one.
/// @param checkpoints   of rank 0: moments that ranks share are read from there.
std::pair<TrainState, bool> share_restored(Communicator& ranks, std::pair<TrainState, bool> own,
                                           Learner* learner, const CheckpointStore& checkpoints);

}  // namespace gradus::rl
