#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/plugins/worker.h"
#include "rewards/reward_config.h"
#include "rewards/sandbox/sandbox.h"

namespace gradus::rewards {

/// What all rules made of others' code have in common: how many processes, how long, how much, and
/// behind which wall.
struct PluginConfig {
  int num_workers = 1;
  double timeout_s = 30.0;
  double load_timeout_s = 120.0;
  int memory_mb = 2048;
  int scratch_mb = 256;
  int num_processes = 64;
  sandbox::Isolation isolation = sandbox::Isolation::full;
  bool network = false;
  std::vector<std::string> read;
  std::vector<std::string> environment;
};

template <class Field>
void describe(PluginConfig& c, Field&& field) {
  field("num_workers", c.num_workers, between(1, 256), "processes that grade at once");
  field("timeout_s", c.timeout_s, positive(),
        "seconds for one call of your code; then its process is killed");
  field("load_timeout_s", c.load_timeout_s, positive(), "seconds for loading your code");
  field("memory_mb", c.memory_mb, at_least(16), "memory of one process, and of all together");
  field("scratch_mb", c.scratch_mb, at_least(1), "size of its own /tmp; counts as memory");
  field("num_processes", c.num_processes, between(1, 4096), "processes and threads it may start");
  field("isolation", c.isolation,
        one_of<sandbox::Isolation>(
            {{"full", sandbox::Isolation::full}, {"weak", sandbox::Isolation::weak}}),
        "full: refused where the machine cannot isolate fully; weak: what the machine gives");
  field("network", c.network, any(), "your code may use the network");
  field("read", c.read, any(), "more files and folders that your code may read");
  field("environment", c.environment, any(), "environment variables that your code may see");
}

/// A plug-in's program without its command: limits, times, environment, what it may read.
/// @throws ConfigError  `read` names what does not exist, `environment` what is not set.
WorkerProgram plugin_worker(const PluginConfig& config);

/// The absolute form of a path; relative ones are looked up from the current folder.
/// @throws FileError  there is no such file; names the rule and the setting that ask for it.
std::string plugin_file(const std::string& path, const RewardConfig& config,
                        const char* setting = "file");

/// All bytes of a file. @throws FileError  it cannot be read.
std::string file_bytes(const std::string& path);

/// The folder of a file as something to be read by the plug-in: the folder, or, where that is one
/// that holds everybody's files (/, /tmp), the file alone.
std::string readable_place_of(const std::string& file);

/// Files that make up a plug-in: read once for the version, and compared before each process is
/// started, so that all grades of a run are those of one version.
class PluginFiles {
 public:
  void add(const std::string& path);
  std::string version() const;
  /// Which file has changed since `add`, as a reason; empty: none.
  std::string change() const;

 private:
  std::vector<std::pair<std::string, std::string>> hashes_;  // path, SHA-256
};

}  // namespace gradus::rewards
