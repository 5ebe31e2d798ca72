#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

namespace gradus::rl {

enum class ReduceOp { sum, max };

/// The processes that train one policy together, each a rank. All ranks make the same calls in the
/// same order; a call returns when this rank's part is done. One thread at a time.
///
/// Shapes: R ranks. Tensors are contiguous, of one type and shape on all ranks.
/// @throws PeerError  another rank is gone, or has called `abort`; its reason is passed on.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int size() const = 0;  ///< R
  virtual int rank() const = 0;  ///< in [0, R)

  /// Every rank's tensor becomes the root's.
  virtual void broadcast(at::Tensor& tensor, int root) = 0;
  /// Every rank's tensor becomes the reduction of all, summed in the order of ranks.
  virtual void all_reduce(at::Tensor& tensor, ReduceOp op) = 0;
  /// `out` [n] becomes part `rank` of the sum of all ranks' `in` [R, n].
  virtual void reduce_scatter(at::Tensor& out, const at::Tensor& in) = 0;
  /// `out` [R, n] becomes all ranks' `in` [n].
  virtual void all_gather(at::Tensor& out, const at::Tensor& in) = 0;
  /// Part r of `in` [R, n] goes to rank r's `out`, part `rank`.
  virtual void all_to_all(at::Tensor& out, const at::Tensor& in) = 0;
  /// Returns when all ranks have come here.
  virtual void barrier() = 0;
  /// Ends the other ranks' calls, which throw with this reason.
  virtual void abort(const std::string& reason) = 0;
};

/// The one process that most runs are: every call is the identity.
std::unique_ptr<Communicator> alone();

}  // namespace gradus::rl
