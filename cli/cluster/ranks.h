#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "cli/session.h"
#include "rl/parallel/cluster_config.h"
#include "rl/parallel/communicator.h"
#include "rl/parallel/rank_place.h"

namespace gradus::cli {

/// This process among those that a launcher has started together (docs/cluster.md).
///
/// Rank 0 reads and writes as one process does. The others work in a folder of their own, which is
/// removed, and say nothing but what ends them.
class RankSession {
 public:
  /// Nobody is waited for. @param place  nothing: the process was started alone.
  RankSession(std::optional<rl::RankPlace> place, Session& session);
  ~RankSession();
  RankSession(const RankSession&) = delete;
  RankSession& operator=(const RankSession&) = delete;

  bool is_first() const { return !place_ || place_->rank == 0; }
  bool is_alone() const { return !place_ || place_->size == 1; }
  /// How often the launcher has started all processes anew.
  int restart() const { return place_ ? place_->restart : 0; }
  /// Of the machine's cores, where several ranks share them; 0: all.
  int threads() const;
  /// Of a rank that is not the first.
  std::filesystem::path scratch() const { return scratch_; }

  /// Meets the other ranks and works with them. Where the work fails the others are told; where
  /// another rank is gone, the exit code says whether a new start helps (rl/parallel/c10d.h).
  /// @param work  gets null where this process is alone.
  void run(const rl::ClusterConfig& config,
           const std::function<void(std::shared_ptr<rl::Communicator>)>& work);

 private:
  void fail(rl::Communicator& ranks, const std::exception& error);
  void end(const std::string& reason, int code);

  std::optional<rl::RankPlace> place_;
  Session& session_;
  std::filesystem::path scratch_;
};

}  // namespace gradus::cli
