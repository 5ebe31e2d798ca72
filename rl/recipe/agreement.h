#pragma once

#include <nlohmann/json.hpp>

#include "rl/parallel/communicator.h"
#include "rl/stages/run_config.h"

namespace gradus::rl {

/// Refuses ranks that would not compute the same: they must run one program, one recipe (folders
/// of runs apart) and read the same files.
/// @param inputs  fingerprint_inputs of this rank.
/// @throws ConfigError  on every rank; names the rank and what differs.
void check_ranks_agree(Communicator& ranks, RunConfig config, const nlohmann::json& inputs);

}  // namespace gradus::rl
