#pragma once

#include <filesystem>
#include <vector>

namespace gradus::tests {

/// tests/fixtures/`path`, a file or a folder that every clone has.
///
/// @throws std::runtime_error  it is not there: no test passes because a file is missing.
std::filesystem::path fixture(const std::filesystem::path& path);

/// The folders that hold fixtures under the same names: tests/fixtures, and ../shared where it lies
/// beside the repository, with more of the same.
const std::vector<std::filesystem::path>& fixture_roots();

/// `path` in every root that has it, the committed one first.
///
/// @throws std::runtime_error  as above
std::vector<std::filesystem::path> fixtures(const std::filesystem::path& path);

}  // namespace gradus::tests
