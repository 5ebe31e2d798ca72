#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/parallel.h"
#include "policy/policy.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/learn/model_settings.h"
#include "rl/update/update.h"

namespace gradus::rl {

/// The frozen policy of the KL term.
///
/// Before step n it is the policy that training started from (the checkpoint, with the adapters of
/// model.lora.path where training goes on from some; rl.reference = "base": without them), or, with
/// rl.reference_update_every = k, the policy as it was after the last multiple of k before n. That
/// one is kept in FOLDER/step-.../, written before the first step that needs it, so that a resumed
/// run compares with the same weights.
class ReferencePolicy {
 public:
  /// @param folder  of this reference alone; made when it is needed.
  /// @param starting_adapters  Learner's; outlives this.
  ReferencePolicy(std::filesystem::path folder, ModelSettings model, const AlgorithmConfig& config,
                  const std::vector<at::Tensor>& starting_adapters);

  /// None when there is no KL term, and when it is the base model below adapters, which
  /// update_policy reads in place.
  /// @param policy             in training, after step - 1.
  /// @param oldest_checkpoint  from which the run may still be resumed; 0: from the start.
  Reference at(int64_t step, const policy::Policy& policy, int64_t oldest_checkpoint,
               ThreadTeam& team);

 private:
  void load_base(ThreadTeam& team);
  void load_saved(int64_t step, const policy::Policy& policy, ThreadTeam& team);

  std::filesystem::path folder_;
  ModelSettings model_;
  const std::vector<at::Tensor>& starting_adapters_;
  bool is_used_;
  bool is_base_;
  int64_t every_;  ///< 0: the base model always
  std::unique_ptr<policy::Policy> policy_;
  int64_t step_ = -1;  ///< of the weights that policy_ holds
};

/// Calls `work` while the policy's parameters have other values, published; then it is as before.
void with_parameters(policy::Policy& policy, const std::vector<at::Tensor>& values,
                     ThreadTeam& team, const std::function<void()>& work);

}  // namespace gradus::rl
