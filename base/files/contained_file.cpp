#include "base/files/contained_file.h"

#include "base/error.h"
#include "base/printable.h"

namespace gradus {

void check_stays_inside(const std::filesystem::path& file, const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path target = fs::canonical(file, error);
  if (error == std::errc::no_such_file_or_directory) return;
  const fs::path home = error ? fs::path() : fs::canonical(folder, error);
  if (error) throw FileError(file.string(), "open_failed", error.message());
  const fs::path real_folder = target.parent_path();
  if (real_folder == home) return;
  const fs::path snapshots = home.parent_path();
  if (snapshots.filename() == "snapshots" && real_folder == snapshots.parent_path() / "blobs") {
    return;
  }
  throw FileError(file.string(), "link_outside",
                  "is a link out of its folder, into " + printable(real_folder.string(), 200) +
                      "; copy the file there instead");
}

void check_stays_inside(const std::filesystem::path& file) {
  const auto folder = file.parent_path();
  check_stays_inside(file, folder.empty() ? std::filesystem::path(".") : folder);
}

}  // namespace gradus
