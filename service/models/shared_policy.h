#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/policy_config.h"

namespace at {
class Tensor;
}
namespace gradus::policy {
class Policy;
}

namespace gradus::service {

struct ModelsConfig;

/// The values of one set of adapters, in the order of a policy's parameters; never changed once
/// they were handed on.
using AdapterValues = std::vector<at::Tensor>;

/// What adapters' products are scaled by over their rank, unless a base wants another.
inline constexpr double kAdapterAlpha = 32.0;

/// Where adapters stand and how large they are; rank 0: none.
struct AdapterShape {
  int rank = 0;
  bool has_attention = true;
  bool has_mlp = true;
  bool has_head = false;         ///< of a model whose head is not its embedding
  double alpha = kAdapterAlpha;  ///< products are scaled by this over the rank
  auto operator<=>(const AdapterShape&) const = default;
};

/// One base model in memory for all who sample from it or train adapters of one shape on it: the
/// weights are held once, and who computes puts the own adapters in.
///
///   trainer A ─┐                ┌─ sampler of A
///   trainer B ─┴─▶  Turn, put  ◀─┴─ sampler of B       one at a time, in the order of asking
///
/// Sampling and training so go through the same kernels and weights: a token's logprobs agree.
class SharedPolicy {
 public:
  /// @throws FileError, ConfigError  as Policy::load.
  SharedPolicy(const std::string& path, const AdapterShape& shape, const ModelsConfig& config);
  ~SharedPolicy();

  /// The right to compute; nobody else does while it lives.
  class Turn {
   public:
    explicit Turn(SharedPolicy& owner);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    policy::Policy& policy() const;
    ThreadTeam& team() const;
    /// Puts adapters in, unless they are there already; null: those that stand there.
    void put(const std::shared_ptr<const AdapterValues>& adapters) const;
    /// The values were changed in place: the next `put` puts its own in whatever they were.
    void forget() const;
    /// Whether somebody waits for a turn.
    bool is_awaited() const;

   private:
    SharedPolicy& owner_;
  };

  /// What does not change may be read without a turn.
  policy::Policy& policy() const;
  const policy::LoadedTokenizer& tokenizer() const { return tokenizer_; }
  const AdapterShape& shape() const { return shape_; }
  const std::string& path() const { return path_; }
  ThreadTeam& team() { return team_; }

  /// Adapters as training begins with them: products of 0. Any thread.
  std::shared_ptr<const AdapterValues> fresh(uint64_t seed) const;
  /// Of a folder in PEFT's format. @throws FileError  they are another model's or shape's.
  std::shared_ptr<const AdapterValues> read(const std::filesystem::path& folder) const;

 private:
  friend class Turn;

  std::string path_;
  AdapterShape shape_;
  ThreadTeam team_;
  policy::LoadedTokenizer tokenizer_;
  std::unique_ptr<policy::Policy> policy_;
  std::shared_ptr<const AdapterValues> current_;  ///< of who has the turn
  mutable std::mutex mutex_;
  std::condition_variable next_;
  uint64_t num_asked_ = 0;
  uint64_t num_served_ = 0;
};

/// Names of the linear layers that adapters of the shape stand beside.
std::vector<std::string> targets_of(const AdapterShape& shape);

}  // namespace gradus::service
