#include "tests/rewards/plugins/plugin_files.h"

#include <stdlib.h>

#include <fstream>

#include "rewards/sandbox/sandbox.h"

namespace gradus::rewards {

namespace fs = std::filesystem;

PluginFolder::PluginFolder() {
  std::string name = (fs::temp_directory_path() / "gradus-plugin-XXXXXX").string();
  path_ = ::mkdtemp(name.data());
}

PluginFolder::~PluginFolder() {
  fs::remove_all(path_);
}

std::string PluginFolder::add(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name) << text;
  return (path_ / name).string();
}

const char* strongest_isolation() {
  static const bool is_full = sandbox::probe_sandbox().rung == sandbox::Rung::namespaces;
  return is_full ? "full" : "weak";
}

std::unique_ptr<RewardRule> make_rule(const std::string& type, const nlohmann::json& options) {
  RewardConfig config;
  config.type = type;
  config.options = options;
  config.options.emplace("isolation", strongest_isolation());
  return make_reward_rule(config);
}

std::vector<Grade> grades_of(RewardRule& rule, const std::vector<std::string>& completions,
                             const nlohmann::json& row, const nlohmann::json* messages) {
  static const std::vector<int32_t> kIds{7, 8};
  std::vector<RewardInput> group(completions.size());
  for (size_t i = 0; i < completions.size(); ++i) {
    group[i].prompt = "Why?";
    group[i].messages = messages;
    group[i].completion = completions[i];
    group[i].completion_ids = kIds;
    group[i].row = &row;
  }
  return rule.grade(group);
}

}  // namespace gradus::rewards
