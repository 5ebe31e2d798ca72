#include "service/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/file_descriptor.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStore = "gradus.db";
constexpr const char* kFiles = "files";
constexpr const char* kCheckpoints = "checkpoints";
constexpr size_t kPieceBytes = 1 << 20;
constexpr int kMostLooks = 20;  // at a folder of checkpoints that changes while it is copied

/// Copies one tree into another. What is removed at the source meanwhile is left out.
class TreeCopy {
 public:
  /// False: there is no such file any more.
  bool copy_file(const fs::path& from, const fs::path& to) {
    FileDescriptor source;
    try {
      source = open_file(from, O_RDONLY | O_NOFOLLOW);
    } catch (const FileError&) {
      if (!fs::exists(from)) return false;
      throw;
    }
    fs::create_directories(to.parent_path());
    AtomicFile target(to);
    std::vector<std::byte> piece(kPieceBytes);
    for (;;) {
      const ssize_t count =
          uninterrupted([&] { return ::read(source.get(), piece.data(), piece.size()); });
      if (count < 0) throw FileError(from.string(), "read_failed", "it cannot be read");
      if (count == 0) break;
      target.write(std::span(piece).first(static_cast<size_t>(count)));
    }
    target.commit();
    note(to);
    return true;
  }

  void note(const fs::path& file) {
    ++counts_.files;
    counts_.bytes += static_cast<int64_t>(fs::file_size(file));
  }

  /// False: something of it was removed while it was copied.
  bool copy_tree(const fs::path& from, const fs::path& to) {
    std::error_code is_gone;
    std::vector<fs::path> names;
    for (auto entry = fs::directory_iterator(from, is_gone); !is_gone && entry != fs::end(entry);
         entry.increment(is_gone))
      names.push_back(entry->path().filename());
    if (is_gone) return false;
    fs::create_directories(to);
    bool is_whole = true;
    for (const fs::path& name : names)
      if (name == kCheckpoints) copy_checkpoints(from / name, to / name);
    for (const fs::path& name : names) {
      if (name == kCheckpoints) continue;
      const auto status = fs::symlink_status(from / name, is_gone);
      if (fs::is_directory(status)) {
        if (copy_tree(from / name, to / name)) continue;
        is_whole = false;
        if (!fs::exists(from / name)) fs::remove_all(to / name);
      } else if (fs::is_regular_file(status)) {
        is_whole = copy_file(from / name, to / name) && is_whole;
      } else if (!fs::exists(status)) {
        is_whole = false;
      }
    }
    return is_whole;
  }

  const BackupCounts& counts() const { return counts_; }

 private:
  /// Whole checkpoints alone: the run removes old ones as it writes new ones, which are then there.
  void copy_checkpoints(const fs::path& from, const fs::path& to) {
    for (int look = 0; look < kMostLooks; ++look) {
      const BackupCounts before = counts_;
      if (copy_tree(from, to) || !fs::exists(from)) return;
      fs::remove_all(to);
      counts_ = before;
    }
    throw FileError(from.string(), "busy",
                    "its checkpoints change faster than they are copied; try again");
  }

  BackupCounts counts_;
};

fs::path partial_name(const fs::path& target) {
  fs::path partial = target;
  partial += ".partial";
  return partial;
}

/// The store as of now, with those uploaded files that the copy holds.
void copy_store(const fs::path& data_dir, const fs::path& to, TreeCopy& copy) {
  {
    Store store(data_dir);
    store.back_up(to / kStore);
  }
  fs::permissions(to / kStore, fs::perms::owner_read | fs::perms::owner_write);
  Database database(to / kStore);
  for (const SqlRow& row : database.query("SELECT id FROM files")) {
    const std::string id = row.text(0);
    if (fs::exists(to / kFiles / id)) continue;
    // Uploaded since, or deleted since.
    if (!copy.copy_file(data_dir / kFiles / id, to / kFiles / id))
      database.change("DELETE FROM files WHERE id = ?", {id});
  }
}

}  // namespace

BackupCounts back_up_service(const fs::path& data_dir, const fs::path& target) {
  if (!fs::exists(data_dir / kStore))
    throw FileError(data_dir.string(), "missing", "it is no folder of `gradus serve`");
  if (fs::exists(target))
    throw FileError(target.string(), "exists", "a backup is written to a new folder alone");
  const fs::path partial = partial_name(target);
  fs::remove_all(partial);  // of a backup that was killed
  fs::create_directories(partial);
  fs::permissions(partial, fs::perms::owner_all);
  TreeCopy copy;
  try {
    if (fs::exists(data_dir / kFiles)) copy.copy_tree(data_dir / kFiles, partial / kFiles);
    copy_store(data_dir, partial, copy);
    copy.note(partial / kStore);
    for (const auto& entry : fs::directory_iterator(data_dir)) {
      const fs::path name = entry.path().filename();
      if (entry.is_directory() && name != kFiles) copy.copy_tree(entry.path(), partial / name);
    }
    fs::rename(partial, target);
    sync_folder_of(target);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(partial, ignored);
    throw;
  }
  return copy.counts();
}

}  // namespace gradus::service
