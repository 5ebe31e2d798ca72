#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gradus {

/// The path of a key inside the table at `path`: "rl.group_size"; the key alone at the root.
inline std::string key_path(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

/// The path of an entry of the list at `path`: "rewards[2]".
inline std::string key_path(const std::string& path, size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

}  // namespace gradus
