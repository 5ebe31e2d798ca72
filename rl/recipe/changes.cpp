#include "rl/recipe/changes.h"

#include <map>

namespace gradus::rl {
namespace {

bool may_differ(const SettingDifference& difference, OnResume on_resume, const RunConfig& was,
                const RunConfig& is) {
  switch (on_resume) {
    case OnResume::fixed:
      return false;
    case OnResume::free:
      return true;
    case OnResume::free_if_exact:
      return policy::is_native(was.model) && policy::is_native(is.model);
    case OnResume::conditional:
      // Under any other schedule, the steps that were done had the rates of another end.
      if (is.optim.schedule != Schedule::constant) return false;
      return difference.key == "run.steps"    ? is.run.steps > was.run.steps
             : difference.key == "run.epochs" ? is.run.epochs > was.run.epochs
                                              : false;
  }
  return false;
}

}  // namespace

std::vector<SettingDifference> differences_that_matter(const RunConfig& was, const RunConfig& is) {
  std::map<std::string, OnResume> kinds;
  for (const SettingInfo& info : list_settings(is)) kinds[info.key] = info.on_resume;
  std::vector<SettingDifference> differences = compare_settings(was, is);
  std::erase_if(differences, [&](const SettingDifference& difference) {
    const auto kind = kinds.find(difference.key);
    return kind != kinds.end() && may_differ(difference, kind->second, was, is);
  });
  return differences;
}

}  // namespace gradus::rl
