#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "base/settings/registry.h"
#include "policy/kernels/optimizer/adamw.h"

namespace gradus::rl {

/// What AdamW remembers of one parameter, in one of the precisions of `optim.kind`.
class AdamWState {
 public:
  virtual ~AdamWState() = default;

  /// Changes the value by one step (policy/kernels/optimizer/adamw.h) and remembers. Grad mode is
  /// off.
  /// @param value, grad  float32, contiguous, of the shape and device that the state was made for.
  virtual void step(const at::Tensor& value, const at::Tensor& grad,
                    const policy::kernels::AdamWStep& settings, ThreadTeam& team) = 0;

  /// The state itself (shared memory, no copies) by name, e.g. "exp_avg".
  virtual std::vector<std::pair<std::string, at::Tensor>> tensors() const = 0;
};

/// One value of `optim.kind`. A new one is a file with its record and a line in records.inc.
struct AdamWKind {
  std::string_view name;
  std::string_view text;
  /// @param like   the parameter's value.
  /// @param index  of the parameter in its policy.
  std::unique_ptr<AdamWState> (*make)(const at::Tensor& like, size_t index);
  /// Of the state of n parameters, for estimates.
  int64_t (*num_bytes)(int64_t n);
};

const Registry<AdamWKind>& adamw_kinds();

}  // namespace gradus::rl
