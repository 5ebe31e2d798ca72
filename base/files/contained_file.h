#pragma once

#include <filesystem>

namespace gradus {

/// Refuses a file of `folder` that is a link out of it. A checkpoint comes from others: through
/// such a link its reader would copy any file of this machine into what is published, or take it
/// for weights. The hub's own cache is made of links, snapshots/<revision>/<file> ->
/// ../../blobs/<hash>; those are let in. A file that is not there is not refused.
/// @throws FileError  kind "link_outside".
void check_stays_inside(const std::filesystem::path& file, const std::filesystem::path& folder);

/// The same for the folder that the file's own path names.
void check_stays_inside(const std::filesystem::path& file);

}  // namespace gradus
