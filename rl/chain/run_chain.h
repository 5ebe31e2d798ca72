#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "rl/chain/chain.h"
#include "rl/chain/chain_environment.h"

namespace gradus::rl {

/// Which stages are done.
struct ChainOptions {
  std::string from;               ///< this stage and all after it are done again; empty: none
  std::vector<std::string> only;  ///< no others; empty: all
};

struct ChainOutcome {
  bool is_finished = true;
  std::string stopped_in;  ///< the stage in which it was stopped or that its gate ended
  std::string reason;      ///< of the gate
};

/// Runs the stages of a chain in order. A stage of which nothing has changed since it was done (its
/// kind and settings, the sums of what it reads) is passed over; one that was stopped or killed
/// goes on, with the bits of one that was never interrupted; where something has changed, what was
/// there is kept in DIR/replaced and the stage is done again. Between two stages there are files
/// alone.
/// @throws FileError  another process works on the chain, or a stage needs another that is not
///                    done; ConfigError; Error  a stage failed: its run's status.json says why.
ChainOutcome run_chain(const Chain& chain, const ChainOptions& options,
                       const ChainEnvironment& environment);

}  // namespace gradus::rl
