#include "tests/rl/sample_groups.h"

namespace gradus::rl {

Group sample_group(const std::string& id, const std::vector<double>& rewards) {
  Group group;
  group.prompt.id = id;
  group.prompt.tokens = {1, 2, 3};
  group.rewards = rewards;
  for (size_t i = 0; i < rewards.size(); ++i) {
    rollout::Completion completion;
    for (size_t t = 0; t < 2 + i; ++t) {
      completion.tokens.push_back(static_cast<int32_t>((5 * i + 3 * t + id.size()) % 8));
    }
    completion.finish = rollout::FinishReason::stop;
    completion.index = static_cast<int>(i);
    group.completions.push_back(completion);
  }
  return group;
}

}  // namespace gradus::rl
