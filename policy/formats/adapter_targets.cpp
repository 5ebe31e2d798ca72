#include "policy/formats/adapter_targets.h"

#include <algorithm>
#include <iterator>

#include "policy/formats/families/family.h"

namespace gradus::policy {
namespace {

// In the order of the settings' list; shared experts carry the names of dense layers.
constexpr TensorRole kAdapted[] = {
    TensorRole::query,       TensorRole::key,
    TensorRole::value,       TensorRole::attention_output,
    TensorRole::query_down,  TensorRole::query_up,
    TensorRole::kv_down,     TensorRole::kv_up,
    TensorRole::gate,        TensorRole::up,
    TensorRole::down,        TensorRole::expert_gate,
    TensorRole::expert_down, TensorRole::expert_up,
    TensorRole::shared_gate, TensorRole::shared_up,
    TensorRole::shared_down,
};

}  // namespace

std::string_view adapter_target(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

bool is_adaptable(TensorRole role) {
  return role == TensorRole::head || std::ranges::find(kAdapted, role) != std::end(kAdapted);
}

std::vector<std::string> adapter_targets() {
  std::vector<std::string> targets;
  for (const TensorRole role : kAdapted) {
    for (const Family* family : families()) {
      std::string target(adapter_target(family->stem(role)));
      if (std::ranges::find(targets, target) == targets.end()) targets.push_back(std::move(target));
    }
  }
  return targets;
}

}  // namespace gradus::policy
