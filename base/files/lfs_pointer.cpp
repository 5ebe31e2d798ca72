#include "base/files/lfs_pointer.h"

#include "base/error.h"

namespace gradus {

void refuse_lfs_pointer(std::string_view beginning, const std::filesystem::path& path) {
  // The first line that the pointers of every version begin with (git-lfs, docs/spec.md).
  constexpr std::string_view kFirstLine = "version https://git-lfs.github.com/spec/v";
  if (!beginning.starts_with(kFirstLine)) return;
  throw FileError(path.string(), "lfs_pointer",
                  "is a pointer of git-lfs, not the file itself; run `git lfs pull` in its folder, "
                  "or download the file");
}

}  // namespace gradus
