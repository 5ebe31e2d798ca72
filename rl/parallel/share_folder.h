#pragma once

#include <filesystem>

#include "rl/parallel/communicator.h"

namespace gradus::rl {

/// Rank 0's folder with all its files, on every rank; ranks need no disk in common.
/// @throws FileError  a file can't be read or written.
void share_folder(Communicator& ranks, const std::filesystem::path& folder);

/// Rank 0's file, on every rank; where it has none, no rank has one.
void share_file(Communicator& ranks, const std::filesystem::path& file);

}  // namespace gradus::rl
