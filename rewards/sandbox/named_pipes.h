#pragma once

#include <string>
#include <vector>

namespace gradus::rewards::sandbox {

struct NamedPipes {
  std::vector<std::string> paths;
  bool is_whole = true;  ///< every folder that may be read was looked at
};

/// Pipes with names (FIFOs) below a folder, or the path itself: what a read-only view must cover,
/// as mounts do not stop them. Links are not followed, folders that may not be read are passed
/// over. Looks at 200,000 entries at most.
NamedPipes named_pipes_below(const std::string& path);

}  // namespace gradus::rewards::sandbox
