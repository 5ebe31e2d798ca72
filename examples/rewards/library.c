/* A rule as a shared library:
 *   cc -shared -fPIC -O2 -I rewards/plugins examples/rewards/library.c -o liblibrary_rule.so
 * It pays for a completion that ends with a full stop and was not cut. */
#include "gradus_reward.h"

int gradus_reward_abi(void) {
  return GRADUS_REWARD_ABI;
}

void gradus_reward_grade(const gradus_sample* samples, size_t count, gradus_grade* grades) {
  for (size_t i = 0; i < count; ++i) {
    const gradus_text text = samples[i].completion;
    grades[i].outcome = GRADUS_SCORED;
    grades[i].value = !samples[i].is_truncated && text.size > 0 && text.data[text.size - 1] == '.';
  }
}
