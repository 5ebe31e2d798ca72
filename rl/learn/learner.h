#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/parallel.h"
#include "policy/policy.h"
#include "policy/tokenizer/load_tokenizer.h"
#include "rl/learn/model_settings.h"
#include "rl/learn/optimizers/optimizer.h"
#include "rl/learn/weight_keeper.h"
#include "rl/parallel/cluster_config.h"
#include "rl/parallel/communicator.h"

namespace gradus::rl {

/// An update's gradient summed in place.
inline ClusterConfig one_leaf() {
  ClusterConfig config;
  config.leaves = 1;
  return config;
}

/// What of a recipe makes a learner.
struct LearnerSettings {
  ModelSettings model;
  OptimizerConfig optim;
  uint64_t seed = 0;            ///< of fresh weights
  int threads = 0;              ///< 0: all cores
  bool learns = true;           ///< false: a policy that only samples; it has no optimizer
  bool has_score_head = false;  ///< a reward model's, trained as well (rl/learn/score_head.h)
  ClusterConfig cluster = one_leaf();
};

/// Threads of a team where `threads` are wished for; 0: all cores.
int team_size(int threads);

/// What learns: a policy, its tokenizer and optimizer, the threads that compute and the ranks that
/// train with it. Knows neither a task nor a run. One thread at a time.
class Learner {
 public:
  /// Loads the checkpoint, or makes a fresh model.
  /// @throws FileError, ConfigError
  Learner(const LearnerSettings& settings, const Clock& clock,
          std::shared_ptr<Communicator> communicator = alone());

  policy::Policy& policy() { return *policy_; }
  const policy::Policy& policy() const { return *policy_; }
  const std::vector<policy::Parameter>& trained_parameters() const { return policy_->parameters(); }
  /// Of a learner that learns.
  Optimizer& optimizer() { return *optimizer_; }
  const Optimizer& optimizer() const { return *optimizer_; }
  WeightKeeper& keeper() { return *keeper_; }
  /// Values of policy().parameters() as they were loaded, where training goes on from adapters
  /// (model.lora.path); else empty.
  const std::vector<at::Tensor>& starting_adapters() const { return starting_adapters_; }
  ThreadTeam& team() { return team_; }
  int threads() const { return team_.size(); }
  Communicator& communicator() { return *communicator_; }
  const ClusterConfig& cluster() const { return cluster_; }
  const Clock& clock() const { return clock_; }
  const policy::LoadedTokenizer& tokenizer() const { return tokenizer_; }
  const ModelSettings& model_settings() const { return model_; }
  int max_context() const;

  /// Writes the policy as a checkpoint that others can load: merged weights, config, tokenizer, and
  /// the adapters alone in adapter/.
  void save_model(const std::filesystem::path& folder) const;

 private:
  ModelSettings model_;
  const Clock& clock_;
  std::shared_ptr<Communicator> communicator_;
  ClusterConfig cluster_;
  ThreadTeam team_;
  policy::LoadedTokenizer tokenizer_;
  std::unique_ptr<policy::Policy> policy_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<WeightKeeper> keeper_;
  std::vector<at::Tensor> starting_adapters_;
};

}  // namespace gradus::rl
