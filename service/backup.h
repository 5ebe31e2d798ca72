#pragma once

#include <cstdint>
#include <filesystem>

namespace gradus::service {

/// What a backup holds.
struct BackupCounts {
  int64_t files = 0;  ///< all of them, the store's own included
  int64_t bytes = 0;
};

/// Copies a service's folder while it serves and its jobs train: a server that is started on the
/// copy, put where the folder was, goes on as after a kill at the time of the copy. Keys are in it.
///
/// Uploaded files never change, so that they are copied before the store and what came meanwhile
/// after it; the store is copied as of one moment; runs after it, checkpoints before their logs, as
/// a resumed run cuts its logs to what the checkpoint noted and reads none that is newer.
///
/// @param target  must not be there; it appears once all is on disk.
/// @throws FileError  the target is there ("exists"), a disk is full or a file cannot be read.
BackupCounts back_up_service(const std::filesystem::path& data_dir,
                             const std::filesystem::path& target);

}  // namespace gradus::service
