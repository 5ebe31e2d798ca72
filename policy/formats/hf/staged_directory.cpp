#include "policy/formats/hf/staged_directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <cerrno>

#include "base/error.h"
#include "base/files/file_descriptor.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;

bool is_occupied(const fs::path& target) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(target, error))) return false;
  // One that cannot be looked into is not taken for empty.
  const bool is_empty = fs::is_directory(target, error) && fs::is_empty(target, error);
  return !is_empty || static_cast<bool>(error);
}

}  // namespace

StagedDirectory::StagedDirectory(fs::path target, bool replace) : target_(std::move(target)) {
  if (target_.filename().empty()) target_ = target_.parent_path();  // "out/" means "out"
  std::error_code error;
  if (is_occupied(target_) && (!replace || !fs::is_directory(target_, error))) {
    throw FileError(target_.string(), "already_exists",
                    "is there already; remove it or choose another name");
  }
  const fs::path parent = target_.parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) throw FileError(parent.string(), "write_failed", error.message());
  std::string name = (parent / ("." + target_.filename().string() + ".tmp-XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw_file_error(name, "write_failed", "cannot be made", errno);
  }
  staging_ = name;
  fs::permissions(staging_, fs::perms(0755), error);
}

StagedDirectory::~StagedDirectory() {
  std::error_code error;
  if (!staging_.empty()) fs::remove_all(staging_, error);
}

void StagedDirectory::commit() {
  sync_folder_of(staging_ / "any");
  const char* from = staging_.c_str();
  const bool exchange = is_occupied(target_);
  const int failed = exchange
                         ? ::renameat2(AT_FDCWD, from, AT_FDCWD, target_.c_str(), RENAME_EXCHANGE)
                         : ::rename(from, target_.c_str());
  if (failed != 0) throw_file_error(target_, "write_failed", "cannot be replaced", errno);
  sync_folder_of(target_);
  // After an exchange the old directory lies at staging_, and the destructor removes it.
  if (!exchange) staging_.clear();
}

}  // namespace gradus::policy
