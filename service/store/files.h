#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "service/store/store.h"

namespace gradus::service {

/// A file that a client uploaded, or that a job left.
struct StoredFile {
  std::string id;  ///< "file-..."
  std::string filename;
  std::string purpose;
  int64_t bytes = 0;
  int64_t created = 0;
  int64_t expires = 0;  ///< 0: never
};

/// Files lie in DIR/files under their ids; names are for people alone. A row is written once the
/// bytes are on disk, and removed before they are: what is listed is there.
class FileStore {
 public:
  /// Removes what uploads and deletions that were cut off have left.
  FileStore(Store& store, std::filesystem::path data_dir);

  /// A path for bytes that are to become a file.
  std::filesystem::path new_upload() const;
  /// Makes a complete upload a file. The upload is synced here.
  StoredFile adopt(const std::filesystem::path& upload, const std::string& project,
                   const std::string& filename, const std::string& purpose, int64_t lives_s);

  std::optional<StoredFile> find(const std::string& id, const std::string& project) const;
  std::filesystem::path path_of(const std::string& id) const;

  struct Page {
    std::vector<StoredFile> files;
    bool has_more = false;
    bool knows_after = true;  ///< false: `after` names no file
  };
  Page list(const std::string& project, const std::string& purpose, const std::string& after,
            int64_t limit, bool oldest_first) const;

  /// @return  false: there is none.
  bool remove(const std::string& id, const std::string& project);
  /// Removes what has expired and no job waits for.
  void remove_expired();

 private:
  Store& store_;
  std::filesystem::path folder_;
};

}  // namespace gradus::service
