#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/fixtures.h"
#include "tests/support/temporary_folder.h"

namespace gradus::cli {

using tests::TemporaryFolder;

/// What a run of the real program said.
struct ProgramResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Runs build/gradus with these arguments and waits for its end.
/// @param folder  the working directory; empty: the test's
ProgramResult run_gradus(const std::vector<std::string>& arguments,
                         const std::string& standard_input = "",
                         const std::filesystem::path& folder = {});

std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, const std::string& text);

}  // namespace gradus::cli
