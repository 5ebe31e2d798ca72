#include "service/store/files.h"

#include <fcntl.h>

#include <set>

#include "base/error.h"
#include "base/files/file_descriptor.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFileColumns =
    "SELECT id, filename, purpose, bytes, created, expires FROM files ";

StoredFile file_of(const SqlRow& row) {
  return {row.text(0), row.text(1), row.text(2), row.integer(3), row.integer(4), row.integer(5)};
}

}  // namespace

FileStore::FileStore(Store& store, fs::path data_dir)
    : store_(store), folder_(std::move(data_dir) / "files") {
  fs::create_directories(folder_);
  const auto rows =
      store_.read([](Database& database) { return database.query("SELECT id FROM files"); });
  std::set<std::string> known;
  for (const auto& row : rows) known.insert(row.text(0));
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (!known.contains(entry.path().filename().string())) fs::remove_all(entry.path());
  }
}

fs::path FileStore::new_upload() const {
  return folder_ / random_id(".upload-");
}

fs::path FileStore::path_of(const std::string& id) const {
  return folder_ / id;
}

StoredFile FileStore::adopt(const fs::path& upload, const std::string& project,
                            const std::string& filename, const std::string& purpose,
                            int64_t lives_s) {
  StoredFile file;
  file.id = random_id("file-");
  file.filename = filename;
  file.purpose = purpose;
  file.bytes = static_cast<int64_t>(fs::file_size(upload));
  sync_file(open_file(upload, O_RDONLY).get(), upload);
  fs::rename(upload, path_of(file.id));
  sync_folder_of(path_of(file.id));
  file.created = store_.now();
  file.expires = lives_s > 0 ? file.created + lives_s : 0;
  store_.write([&](Database& database) {
    database.change(
        "INSERT INTO files(id, project, filename, purpose, bytes, created, expires) "
        "VALUES(?,?,?,?,?,?,?)",
        {file.id, project, filename, purpose, file.bytes, file.created,
         file.expires > 0 ? SqlValue(file.expires) : SqlValue()});
  });
  return file;
}

std::optional<StoredFile> FileStore::find(const std::string& id, const std::string& project) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kFileColumns) + "WHERE id=? AND project=?", {id, project});
  });
  if (!row) return std::nullopt;
  return file_of(*row);
}

FileStore::Page FileStore::list(const std::string& project, const std::string& purpose,
                                const std::string& after, int64_t limit, bool oldest_first) const {
  Page page;
  const auto rows = store_.read([&](Database& database) {
    int64_t place = oldest_first ? 0 : INT64_MAX;
    if (!after.empty()) {
      const auto row =
          database.first("SELECT seq FROM files WHERE id=? AND project=?", {after, project});
      page.knows_after = row.has_value();
      if (!row) return std::vector<SqlRow>();
      place = row->integer(0);
    }
    return database.query(
        std::string(kFileColumns) + "WHERE project=? AND (?='' OR purpose=?) AND " +
            (oldest_first ? "seq>? ORDER BY seq" : "seq<? ORDER BY seq DESC") + " LIMIT ?",
        {project, purpose, purpose, place, limit + 1});
  });
  for (const auto& row : rows) page.files.push_back(file_of(row));
  page.has_more = std::ssize(page.files) > limit;
  if (page.has_more) page.files.pop_back();
  return page;
}

bool FileStore::remove(const std::string& id, const std::string& project) {
  const bool was_there = store_.write([&](Database& database) {
    return database.change("DELETE FROM files WHERE id=? AND project=?", {id, project}) > 0;
  });
  std::error_code ignored;  // the row is gone: at the next start, at the latest, the bytes are too
  if (was_there) fs::remove(path_of(id), ignored);
  return was_there;
}

void FileStore::remove_expired() {
  const int64_t now = store_.now();
  const auto rows = store_.read([&](Database& database) {
    return database.query(
        "SELECT id, project FROM files f WHERE expires<=? AND NOT EXISTS(SELECT 1 FROM jobs j "
        "WHERE "
        "(j.training_file=f.id OR j.validation_file=f.id) AND j.finished IS NULL)",
        {now});
  });
  for (const auto& row : rows) remove(row.text(0), row.text(1));
}

}  // namespace gradus::service
