#include "policy/formats/checkpoint_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "base/ascii.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;

/// OWNER/NAME of letters, digits, '.', '_' and '-', as the hub has them; no path that goes anywhere
/// else.
bool is_hub_name(const std::string& name) {
  const auto slash = name.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == name.size()) return false;
  if (name.front() == '.' || name[slash + 1] == '.') return false;
  return std::ranges::all_of(name.substr(0, slash) + name.substr(slash + 1), [](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
  });
}

fs::path hub_cache() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const auto cache = variable("HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const auto home = variable("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  if (const auto cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return fs::path(cache) / "huggingface/hub";
  return fs::path(variable("HOME")) / ".cache/huggingface/hub";
}

fs::path folder_in_cache(std::string name) {
  name.replace(name.find('/'), 1, "--");
  return hub_cache() / ("models--" + name);
}

/// The snapshot that refs/main names, else the only one; empty: none.
fs::path snapshot_in(const fs::path& folder) {
  std::error_code ignored;
  std::string commit;
  std::ifstream(folder / "refs/main") >> commit;
  if (!commit.empty() && commit.find('/') == std::string::npos &&
      fs::is_directory(folder / "snapshots" / commit, ignored))
    return folder / "snapshots" / commit;
  std::vector<fs::path> snapshots;
  for (const auto& entry : fs::directory_iterator(folder / "snapshots", ignored))
    snapshots.push_back(entry.path());
  return snapshots.size() == 1 ? snapshots.front() : fs::path();
}

}  // namespace

fs::path resolve_checkpoint_name(const std::string& name) {
  std::error_code ignored;
  if (!is_hub_name(name) || fs::exists(name, ignored)) return name;
  const fs::path snapshot = snapshot_in(folder_in_cache(name));
  return snapshot.empty() ? fs::path(name) : snapshot;
}

std::string missing_checkpoint_advice(const std::string& name) {
  if (!is_hub_name(name)) return "";
  return fmt::format(
      "; if it is a model of the Hugging Face hub, `hf download {}` puts it into the cache ({}), "
      "where it is found by this name",
      name, hub_cache().string());
}

}  // namespace gradus::policy
