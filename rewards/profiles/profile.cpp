#include "rewards/profiles/profile.h"

#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"

namespace gradus::rewards::profiles {

#define GRADUS_RECORD(profile) extern const ProfileInfo profile;
#include "rewards/profiles/records.inc"
#undef GRADUS_RECORD

std::span<const ProfileInfo> list_profiles() {
  static const ProfileInfo profiles[] = {
#define GRADUS_RECORD(profile) profile,
#include "rewards/profiles/records.inc"
#undef GRADUS_RECORD
  };
  return profiles;
}

const ProfileInfo& find_profile(std::string_view name) {
  std::vector<std::string> names;
  for (const ProfileInfo& profile : list_profiles()) {
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
