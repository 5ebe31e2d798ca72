#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "rl/learn/optimizers/adamw_state.h"
#include "rl/learn/optimizers/optimizer_config.h"
#include "rl/parallel/communicator.h"

namespace gradus::rl {

/// AdamW (arXiv:1711.05101) over the policy's parameters, gradient clipping by the global norm
/// included; moments as `optim.kind` says (rl/learn/optimizers/adamw_state.h).
///
/// The norm is summed in double in the parameters' order: same gradients, same bits, whatever the
/// team. Norms and biases (one dimension) do not decay. One thread at a time.
class Optimizer {
 public:
  /// @param policy  outlives the optimizer; its set of parameters does not change.
  /// @param ranks   share the moments: each has those of parameters in succession, moves these and
  ///                gives all ranks their values (ZeRO stage 1, arXiv:1910.02054); null: this
  ///                process has all moments. Outlives the optimizer. Calls of `step` and
  ///                `all_state_tensors` are then calls to the ranks.
  /// @throws gradus::ArgumentError  a policy without parameters (loaded for inference).
  Optimizer(policy::Policy& policy, const OptimizerConfig& config, Communicator* ranks = nullptr);

  struct StepResult {
    double grad_norm = 0.0;  ///< before clipping
    bool was_skipped = false;
    std::string skip_reason;
  };

  /// Clips, steps. A gradient that is not finite leaves weights, moments and step count as they
  /// were and names the first parameter concerned. Does not publish weights.
  StepResult step(double learning_rate, ThreadTeam& team);

  /// Sets all gradients to 0.
  void zero_gradients();

  const OptimizerConfig& config() const { return config_; }

  /// Steps taken: AdamW's t.
  int64_t step_count() const { return step_count_; }
  /// With moments that were brought back through state_tensors.
  void set_step_count(int64_t step_count) { step_count_ = step_count; }

  /// The moments themselves (shared memory, no copies) in the parameters' order, for checkpoints:
  /// "<parameter>.exp_avg" and so on.
  std::vector<std::pair<std::string, at::Tensor>> state_tensors() const;

  /// Whether this process has a part of the moments alone.
  bool is_shared() const { return ranks_ != nullptr; }
  /// The moments of all parameters, on every rank where ranks share them: copies of the others'.
  std::vector<std::pair<std::string, at::Tensor>> all_state_tensors() const;
  /// Calls `read` with the moments of every parameter in turn, on every rank; what rank 0 reads
  /// becomes those of the rank that has them.
  void read_shared_state(const std::function<void(const std::string&, at::Tensor&)>& read);

  /// Copies moments in, so that the next step has the bits it would have had.
  /// @throws gradus::ArgumentError  a tensor missing, left over, or of another shape or type.
  void load_state(const std::map<std::string, at::Tensor>& tensors, int64_t step_count);

  /// Bytes held in moments (for memory estimates).
  int64_t state_bytes() const;

 private:
  policy::kernels::AdamWStep adamw_settings(double learning_rate, double grad_norm) const;

  using NamedState = std::vector<std::pair<std::string, at::Tensor>>;

  std::unique_ptr<AdamWState> make_state(size_t i) const;
  void share_values() const;

  policy::Policy& policy_;
  OptimizerConfig config_;
  Communicator* ranks_;
  std::vector<int> owners_;  ///< rank of each parameter; empty: moments are not shared
  /// One for each of policy_.parameters(); null: another rank's.
  std::vector<std::unique_ptr<AdamWState>> states_;
  int64_t step_count_ = 0;
};

}  // namespace gradus::rl
