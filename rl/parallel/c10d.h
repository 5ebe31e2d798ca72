#pragma once

#include <functional>
#include <memory>
#include <string>

#include "rl/parallel/cluster_config.h"
#include "rl/parallel/communicator.h"
#include "rl/parallel/rank_place.h"

namespace gradus::rl {

/// Several processes, by LibTorch's c10d: TCPStore to meet, Gloo to exchange.

/// How a process ends whose peers are gone; launchers that restart look at it.
enum RankExit : int {
  kMayRestart = 75,      ///< a peer is gone or late: started anew, the run goes on
  kMustNotRestart = 70,  ///< another rank has said why it can't go on: it would again
};

/// Whether this build can do it (Gloo's headers were there).
bool has_c10d();

/// Told while a process waits for the others, a line for people each.
using SayLine = std::function<void(const std::string&)>;

/// Meets the other ranks. Beside the calls a thread of its own tells the others every quarter of a
/// second that this process lives, and ends it (kMayRestart) where one of them has not been heard
/// of for cluster.peer_timeout_s, or (kMustNotRestart) where one has called `abort`.
/// A call that fails says which rank is gone.
/// @throws ConfigError  this build has no c10d; two processes have one rank, or their numbers of
///                      ranks differ; the address is the loopback while machines differ.
///         PeerError    the store can't be reached, or a rank does not come; names the missing.
std::shared_ptr<Communicator> join_ranks(const RankPlace& place, const ClusterConfig& config,
                                         const SayLine& say);

/// The store at which ranks meet, served by a launcher that outlives them.
class StoreServer {
 public:
  virtual ~StoreServer() = default;
  virtual int port() const = 0;
};

/// @param port  0: a free one. @throws ConfigError  as above; PeerError  the port is taken.
std::unique_ptr<StoreServer> serve_store(int port);

/// Writes the reason of a failure where torchrun looks for it (TORCHELASTIC_ERROR_FILE), if it
/// does.
void write_rank_error(const std::string& message);

}  // namespace gradus::rl
