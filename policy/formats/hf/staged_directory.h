#pragma once

#include <filesystem>

namespace gradus::policy {

/// A directory that appears under its name whole or not at all: files go to `staging()`, a hidden
/// neighbour, and `commit` gives it its name. Without commit the staging directory is removed.
class StagedDirectory {
 public:
  /// @param replace  whether a directory that is not empty may give way.
  /// @throws gradus::FileError  already_exists, or the parent cannot be written to.
  StagedDirectory(std::filesystem::path target, bool replace);
  ~StagedDirectory();
  StagedDirectory(const StagedDirectory&) = delete;
  StagedDirectory& operator=(const StagedDirectory&) = delete;

  const std::filesystem::path& staging() const { return staging_; }

  /// Its files must be durable already. @throws gradus::FileError  the target is then unchanged.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path staging_;
};

}  // namespace gradus::policy
