#include "service/models/shared_policies.h"

#include "policy/policy.h"

namespace gradus::service {

std::shared_ptr<SharedPolicy> SharedPolicies::use(const std::string& path,
                                                  const AdapterShape& shape) {
  const std::pair key(path, shape);
  std::unique_lock lock(mutex_);
  for (;;) {
    Slot& slot = slots_[key];
    slot.last_use = ++num_uses_;
    if (slot.policy) return slot.policy;
    if (!slot.is_loading) break;
    loaded_.wait(lock);
  }
  slots_[key].is_loading = true;
  lock.unlock();
  std::shared_ptr<SharedPolicy> policy;
  std::exception_ptr fault;
  try {
    policy = std::make_shared<SharedPolicy>(path, shape, config_);
  } catch (...) {
    fault = std::current_exception();
  }
  lock.lock();
  Slot& slot = slots_[key];
  slot.is_loading = false;
  slot.policy = policy;
  if (policy) slot.bytes = policy->policy().weight_bytes();
  if (fault) slots_.erase(key);
  loaded_.notify_all();
  if (fault) std::rethrow_exception(fault);
  return policy;
}

bool SharedPolicies::holds(const std::string& path, const AdapterShape& shape) const {
  const std::lock_guard lock(mutex_);
  return slots_.contains({path, shape});
}

int64_t SharedPolicies::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const auto& [key, slot] : slots_) bytes += slot.bytes;
  return bytes;
}

bool SharedPolicies::drop_idle() {
  std::shared_ptr<SharedPolicy> dropped;
  const std::lock_guard lock(mutex_);
  auto oldest = slots_.end();
  for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
    if (!slot->second.policy || slot->second.policy.use_count() > 1) continue;
    if (oldest == slots_.end() || slot->second.last_use < oldest->second.last_use) oldest = slot;
  }
  if (oldest == slots_.end()) return false;
  dropped = std::move(oldest->second.policy);
  slots_.erase(oldest);
  return true;
}

}  // namespace gradus::service
