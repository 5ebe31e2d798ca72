#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "service/models/loaded_model.h"
#include "service/models/shared_policy.h"

namespace gradus::service {

/// The bases in memory that adapters are trained and sampled on: one for each checkpoint and shape
/// of adapters. Any thread.
class SharedPolicies {
 public:
  explicit SharedPolicies(const ModelsConfig& config) : config_(config) {}

  /// Loads where need be; it stays in memory as long as the pointer lives, and until it is dropped.
  /// @throws FileError, ConfigError  as SharedPolicy's constructor.
  std::shared_ptr<SharedPolicy> use(const std::string& path, const AdapterShape& shape);
  bool holds(const std::string& path, const AdapterShape& shape) const;
  /// Bytes of all weights in memory.
  int64_t memory_bytes() const;
  /// Drops the one that was used least recently and that nobody holds. @return  false: there is
  /// none.
  bool drop_idle();

 private:
  struct Slot {
    std::shared_ptr<SharedPolicy> policy;
    int64_t bytes = 0;
    bool is_loading = false;
    uint64_t last_use = 0;
  };

  ModelsConfig config_;
  mutable std::mutex mutex_;
  std::condition_variable loaded_;
  std::map<std::pair<std::string, AdapterShape>, Slot> slots_;
  uint64_t num_uses_ = 0;
};

}  // namespace gradus::service
