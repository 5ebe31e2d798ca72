#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "rewards/registry.h"

namespace gradus::rewards {

/// A folder of plug-in files that lives as long as the test.
class PluginFolder {
 public:
  PluginFolder();
  ~PluginFolder();
  PluginFolder(const PluginFolder&) = delete;
  PluginFolder& operator=(const PluginFolder&) = delete;

  /// Writes a file and returns its path.
  std::string add(const std::string& name, const std::string& text) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// "full", or "weak" where the machine gives no namespaces (a container, say), so that rules of
/// others' code are tested there too.
const char* strongest_isolation();

/// A rule of others' code, behind the strongest wall that there is.
std::unique_ptr<RewardRule> make_rule(const std::string& type, const nlohmann::json& options);

/// Grades of completions of one prompt "Why?" with tokens 7, 8.
std::vector<Grade> grades_of(RewardRule& rule, const std::vector<std::string>& completions,
                             const nlohmann::json& row = nlohmann::json::object(),
                             const nlohmann::json* messages = nullptr);

}  // namespace gradus::rewards
