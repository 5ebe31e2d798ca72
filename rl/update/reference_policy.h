#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/parallel.h"
#include "policy/policy.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/algorithms/reference_spec.h"
#include "rl/learn/model_settings.h"
#include "rl/parallel/communicator.h"
#include "rl/update/update.h"

namespace gradus::rl {

/// The frozen policy of the KL term, as `rl.reference` names it (rl/algorithms/reference_spec.h).
///
/// One that is renewed (self, average) is, before step n, what it became after the last multiple of
/// k steps before n. It is kept in FOLDER/step-.../, written before the first step that needs it,
/// so that a resumed run compares with the same weights.
class ReferencePolicy {
 public:
  /// @param folder  of this reference alone; made when it is needed.
  /// @param starting_adapters  Learner's; outlives this.
  /// @param ranks              of which the first one keeps the reference; outlives this.
  ReferencePolicy(std::filesystem::path folder, ModelSettings model, const AlgorithmConfig& config,
                  const std::vector<at::Tensor>& starting_adapters, Communicator& ranks);

  /// It changes during the run.
  bool is_renewed() const { return is_used_ && every_ > 0; }

  /// None when there is no KL term, and when it is the base model below adapters, which
  /// update_policy reads in place.
  /// @param policy             in training, after step - 1.
  /// @param oldest_checkpoint  from which the run may still be resumed; 0: from the start.
  Reference at(int64_t step, const policy::Policy& policy, int64_t oldest_checkpoint,
               ThreadTeam& team);

 private:
  void load_base(ThreadTeam& team);
  void load_from(const std::string& checkpoint, ThreadTeam& team);
  void load_saved(int64_t step, const policy::Policy& policy, ThreadTeam& team);
  void save(int64_t step, const policy::Policy& policy, const std::filesystem::path& target) const;

  std::filesystem::path folder_;
  ModelSettings model_;
  const std::vector<at::Tensor>& starting_adapters_;
  Communicator& ranks_;
  bool is_used_;
  ReferenceSpec spec_;
  int64_t every_;  ///< 0: never renewed
  std::unique_ptr<policy::Policy> policy_;
  int64_t step_ = -1;  ///< of the weights that policy_ holds
};

/// Calls `work` while the policy's parameters have other values, published; then it is as before.
void with_parameters(policy::Policy& policy, const std::vector<at::Tensor>& values,
                     ThreadTeam& team, const std::function<void()>& work);

}  // namespace gradus::rl
