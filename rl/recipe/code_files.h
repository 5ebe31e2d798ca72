#pragma once

#include <filesystem>
#include <set>
#include <vector>

namespace gradus::rl {

/// The files that a script is made of: itself, the modules that it imports as they lie in its
/// folder or in one of `search` (Python), and every file whose name stands in quotes in it or, in
/// scripts of other languages, as a word, relative to its folder. Followed through text files of at
/// most 1 MiB; at most 1,000 files. What a script finds in other ways is not seen.
///
/// Used to notice changes, so a file too many costs a question and one too few a wrong result.
std::set<std::filesystem::path> code_files(const std::filesystem::path& script,
                                           const std::vector<std::filesystem::path>& search = {});

}  // namespace gradus::rl
