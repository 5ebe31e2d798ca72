#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"

namespace gradus::rl {

enum class ReduceOp { sum, max };

/// Another rank is gone, late, or has given up.
class PeerLost : public PeerError {
 public:
  PeerLost(const std::string& what, bool may_restart)
      : PeerError(what), may_restart_(may_restart) {}
  /// Whether all ranks, started anew, may get further.
  bool may_restart() const { return may_restart_; }

 private:
  bool may_restart_;
};

/// The processes that train one policy together, each a rank. All ranks make the same calls in the
/// same order; a call returns when this rank's part is done. One thread at a time.
///
/// Shapes: R ranks. Tensors are contiguous, on the CPU, of one type and shape on all ranks.
/// @throws PeerLost  another rank is gone, or has called `abort`; its reason is passed on.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int size() const = 0;  ///< R
  virtual int rank() const = 0;  ///< in [0, R)

  /// Every rank's tensor becomes the root's.
  virtual void broadcast(at::Tensor& tensor, int root) = 0;
  /// Every rank's tensor becomes the reduction of all, summed in the order of ranks. For small
  /// tensors: each rank gets all ranks'.
  virtual void all_reduce(at::Tensor& tensor, ReduceOp op) = 0;
  /// `out` [R, n] becomes all ranks' `in` [n].
  virtual void all_gather(at::Tensor& out, const at::Tensor& in) = 0;
  /// Of `in`, cut into R parts of to[r] elements, part r goes to rank r; `out` becomes the parts of
  /// all ranks for this one, from[r] elements of rank r.
  virtual void all_to_all(at::Tensor& out, std::span<const int64_t> from, const at::Tensor& in,
                          std::span<const int64_t> to) = 0;
  /// Returns when all ranks have come here.
  virtual void barrier() = 0;
  /// Ends the other ranks, which say this reason.
  virtual void abort(const std::string& reason) = 0;
};

/// The one process that most runs are: every call is the identity.
std::unique_ptr<Communicator> alone();

}  // namespace gradus::rl
