#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gradus::cli {

/// What a run of the real program said.
struct ProgramResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Runs build/gradus with these arguments and waits for its end.
ProgramResult run_gradus(const std::vector<std::string>& arguments,
                         const std::string& standard_input = "");

/// An empty folder that disappears with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, const std::string& text);

/// Fixtures that are not part of the tree; the test says so and passes when they are absent.
std::filesystem::path parity_folder();

}  // namespace gradus::cli
