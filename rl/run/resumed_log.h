#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace gradus::rl {

/// Bytes of a log of lines up to the end of its last whole one; 0: there is no file.
/// @throws FileError
int64_t whole_lines(const std::filesystem::path& path);

/// How much of a log of lines a resumed run keeps: what its checkpoint knew, or, where the file was
/// deleted or cut since, the whole lines that are left, with a warning: a log is no reason to give
/// up a whole checkpoint.
/// @throws FileError
int64_t bytes_to_keep(const std::filesystem::path& path, int64_t known,
                      const std::function<void(const std::string&)>& warn);

}  // namespace gradus::rl
