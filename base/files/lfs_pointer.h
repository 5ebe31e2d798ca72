#pragma once

#include <filesystem>
#include <string_view>

namespace gradus {

/// How much of a file `refuse_lfs_pointer` looks at.
inline constexpr size_t kLfsPointerBytes = 42;

/// Refuses the few lines that a clone without git-lfs holds in a large file's place.
/// @param beginning  the file's first bytes, kLfsPointerBytes where it has so many.
/// @throws FileError  kind "lfs_pointer".
void refuse_lfs_pointer(std::string_view beginning, const std::filesystem::path& path);

}  // namespace gradus
