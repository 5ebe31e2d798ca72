#include "rewards/profiles/profile.h"

#include <array>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"

namespace gradus::rewards::profiles {
namespace {

constexpr std::array kProfiles{
    ProfileInfo{"countdown", "last <answer> of the last line, all numbers once, target within 1e-5",
                "TinyZero, reward_score/countdown.py", false, countdown, 0, true},
    ProfileInfo{"deepscaler", "last box behind </think>, then hendrycks' or prm800k's rule",
                "rllm, rewards/math_reward.py", false, deepscaler},
    ProfileInfo{"gsm8k_flexible", "the last number of the last 300 characters",
                "verl, reward_score/gsm8k.py", false, gsm8k_flexible},
    ProfileInfo{"gsm8k_strict", "the last `#### number` of the last 300 characters",
                "verl, reward_score/gsm8k.py", false, gsm8k_strict},
    ProfileInfo{"hendrycks", "equal strings after light normalisation",
                "hendrycks/math, math_equivalence.py", true, hendrycks},
    ProfileInfo{"math_dapo", "`Answer: ...` of the last 300 characters, normalised; 1 or -1",
                "verl, reward_score/math_dapo.py", false, math_dapo, -1},
    ProfileInfo{"prm800k", "hendrycks' rule, else sympy's simplify under conditions",
                "openai/prm800k, grading/grader.py", true, prm800k},
    ProfileInfo{"verl_math", "last box, then hendrycks' rule", "verl, reward_score/math_reward.py",
                false, verl_math},
};

}  // namespace

std::span<const ProfileInfo> list_profiles() {
  return kProfiles;
}

const ProfileInfo& find_profile(std::string_view name) {
  std::vector<std::string> names;
  for (const ProfileInfo& profile : kProfiles) {
    if (name == profile.name) return profile;
    names.emplace_back(profile.name);
  }
  std::string list;
  for (const auto& known : names) list += (list.empty() ? "" : ", ") + known;
  const auto nearest = nearest_name(name, names);
  throw ArgumentError("profile: \"" + printable(name, 100) + "\" is not a profile; " +
                      (nearest ? "did you mean \"" + *nearest + "\"?" : "there are " + list));
}

}  // namespace gradus::rewards::profiles
