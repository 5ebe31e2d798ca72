#include "rewards/plugins/plugin_config.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/printable.h"
#include "base/sha256.h"

namespace gradus::rewards {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxPluginBytes = int64_t{1} << 30;

// Deny by default: keys and tokens in our environment are not the reward code's business. One
// thread per process and a fixed hash seed: the same input gives the same grade.
std::vector<std::pair<std::string, std::string>> environment_of(
    const std::vector<std::string>& wanted) {
  std::vector<std::pair<std::string, std::string>> environment{
      {"PATH", "/usr/local/bin:/usr/bin:/bin"},
      {"HOME", "/tmp"},
      {"TMPDIR", "/tmp"},
      {"LANG", "C.UTF-8"},
      {"LC_ALL", "C.UTF-8"},
      {"TZ", "UTC"},
      {"PYTHONDONTWRITEBYTECODE", "1"},
      {"PYTHONHASHSEED", "0"},
      {"OMP_NUM_THREADS", "1"},
      {"OPENBLAS_NUM_THREADS", "1"},
      {"MKL_NUM_THREADS", "1"}};
  for (const std::string& name : wanted) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      throw ConfigError("environment: " + printable(name, 100) + " is not set");
    }
    std::erase_if(environment, [&](const auto& known) { return known.first == name; });
    environment.emplace_back(name, value);
  }
  return environment;
}

std::string existing_place(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw ConfigError("read: " + printable(path, 200) + " does not exist");
  }
  return fs::absolute(path).string();
}

}  // namespace

WorkerProgram plugin_worker(const PluginConfig& config) {
  WorkerProgram program;
  program.timeout_s = config.timeout_s;
  program.load_timeout_s = config.load_timeout_s;
  sandbox::SandboxConfig& process = program.process;
  process.environment = environment_of(config.environment);
  for (const std::string& path : config.read) process.readable.push_back(existing_place(path));
  process.has_network = config.network;
  process.reads_private_files = true;
  process.closes_processes = true;
  process.limits.memory_bytes = static_cast<uint64_t>(config.memory_mb) << 20;
  process.limits.scratch_bytes = static_cast<uint64_t>(config.scratch_mb) << 20;
  process.limits.num_processes = static_cast<uint64_t>(config.num_processes);
  return program;
}

std::string plugin_file(const std::string& path, const RewardConfig& config, const char* setting) {
  const fs::path file = fs::absolute(path).lexically_normal();
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) {
    throw FileError(file.string(), "missing",
                    "is no file; it is named by " + source_of(config) + ": " + setting);
  }
  return file.string();
}

std::string file_bytes(const std::string& path) {
  return read_file(path, kMaxPluginBytes);
}

std::string readable_place_of(const std::string& file) {
  const std::string folder = fs::path(file).parent_path().string();
  return folder == "/" || folder == "/tmp" || folder == "/var/tmp" ? file : folder;
}

void PluginFiles::add(const std::string& path) {
  hashes_.emplace_back(path, sha256(file_bytes(path)));
}

std::string PluginFiles::version() const {
  if (hashes_.size() == 1) return "sha256:" + hashes_.front().second;
  std::string list;
  for (const auto& [path, hash] : hashes_) list += hash + "  " + path + "\n";
  return "sha256:" + sha256(list);
}

std::string PluginFiles::change() const {
  for (const auto& [path, hash] : hashes_) {
    std::error_code ignored;
    if (!fs::exists(path, ignored) || sha256(file_bytes(path)) != hash) {
      return path + ": has changed since the run began; start the run anew to use the new one";
    }
  }
  return "";
}

}  // namespace gradus::rewards
