#include "service/tinker/checkpoint_store.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "service/http/message.h"
#include "service/training/messages.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTrainedCheckpointColumns =
    "SELECT c.id, c.project, c.model, c.kind, c.name, c.created, c.bytes, c.expires, c.is_public, "
    "c.metadata, m.base, m.rank, m.has_attention, m.has_mlp, m.alpha, m.has_head FROM "
    "training_checkpoints c "
    "JOIN training_models m ON m.id=c.model ";

TrainedCheckpoint trained_checkpoint_of(const SqlRow& row) {
  TrainedCheckpoint checkpoint;
  checkpoint.id = row.text(0);
  checkpoint.project = row.text(1);
  checkpoint.model = row.text(2);
  checkpoint.kind = row.text(3);
  checkpoint.name = row.text(4);
  checkpoint.created = row.integer(5);
  checkpoint.bytes = row.integer(6);
  checkpoint.expires = row.integer(7);
  checkpoint.is_public = row.integer(8) != 0;
  if (!row.is_null(9)) checkpoint.metadata = nlohmann::json::parse(row.text(9));
  checkpoint.base = row.text(10);
  checkpoint.shape = {static_cast<int>(row.integer(11)), row.integer(12) != 0, row.integer(13) != 0,
                      row.integer(15) != 0, row.number(14)};
  return checkpoint;
}

/// Within a write.
void take_name(Database& database, const std::string& id) {
  database.change("UPDATE training_checkpoints SET name='.' || id, is_public=0 WHERE id=?", {id});
}

}  // namespace

TrainedPath parse_trained_path(const std::string& text) {
  if (auto path = trained_path(text)) return *std::move(path);
  throw HttpError(400,
                  "Invalid path: must be tinker://MODEL/weights/NAME or "
                  "tinker://MODEL/sampler_weights/NAME.",
                  "invalid_value", "path");
}

void check_checkpoint_name(const std::string& name) {
  const bool is_plain = !name.empty() && name.size() <= 128 && name.front() != '.' &&
                        std::ranges::all_of(name, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
                        });
  if (!is_plain)
    throw RequestError(
        "path: must be a name of 1 to 128 letters, digits, '_', '-' and '.', not beginning with a "
        "dot");
}

CheckpointStore::CheckpointStore(Store& store, fs::path folder)
    : store_(store), folder_(std::move(folder)) {
  fs::create_directories(folder_);
}

void CheckpointStore::insert(Database& database, const TrainedCheckpoint& checkpoint,
                             bool overwrites) {
  const auto taken =
      database.first("SELECT id FROM training_checkpoints WHERE model=? AND kind=? AND name=?",
                     {checkpoint.model, checkpoint.kind, checkpoint.name});
  if (taken && !overwrites)
    throw RequestError("path: the name " + checkpoint.name +
                       " is taken by an earlier checkpoint of this model; take another, or say "
                       "overwrite");
  if (taken) take_name(database, taken->text(0));
  database.change(
      "INSERT INTO training_checkpoints(id, project, model, kind, name, created, bytes, expires, "
      "metadata) VALUES(?,?,?,?,?,?,?,?,?)",
      {checkpoint.id, checkpoint.project, checkpoint.model, checkpoint.kind, checkpoint.name,
       checkpoint.created, checkpoint.bytes,
       checkpoint.expires > 0 ? SqlValue(checkpoint.expires) : SqlValue(),
       checkpoint.metadata.is_null() ? SqlValue() : SqlValue(dump_json(checkpoint.metadata))});
}

std::optional<TrainedCheckpoint> CheckpointStore::find(const TrainedPath& path,
                                                       const std::string& project) const {
  if (path.name.starts_with('.')) return std::nullopt;
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kTrainedCheckpointColumns) +
                              "WHERE c.model=? AND c.kind=? AND c.name=? AND (c.project=? OR "
                              "c.is_public=1) AND (c.expires IS NULL OR c.expires>?)",
                          {path.model, path.kind, path.name, project, store_.now()});
  });
  if (!row) return std::nullopt;
  return trained_checkpoint_of(*row);
}

CheckpointStore::Page CheckpointStore::list(const std::string& project, const std::string& model,
                                            const ListWish& wish) const {
  const std::string where =
      "WHERE c.project=? AND (?2='' OR c.model=?2) AND c.name NOT LIKE '.%' AND "
      "(c.expires IS NULL OR c.expires>?3) ";
  return store_.read([&](Database& database) {
    Page page;
    page.total = database
                     .first("SELECT count(*) FROM training_checkpoints c " + where,
                            {project, model, store_.now()})
                     ->integer(0);
    for (const auto& row : database.query(std::string(kTrainedCheckpointColumns) + where +
                                              "ORDER BY c.seq DESC LIMIT ?4 OFFSET ?5",
                                          {project, model, store_.now(), wish.limit, wish.offset}))
      page.checkpoints.push_back(trained_checkpoint_of(row));
    return page;
  });
}

std::optional<TrainedCheckpoint> CheckpointStore::newest(const std::string& model,
                                                         const std::string& kind) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kTrainedCheckpointColumns) +
                              "WHERE c.model=? AND c.kind=? AND c.name NOT LIKE '.%' AND "
                              "(c.expires IS NULL OR c.expires>?) ORDER BY c.seq DESC LIMIT 1",
                          {model, kind, store_.now()});
  });
  if (!row) return std::nullopt;
  return trained_checkpoint_of(*row);
}

void CheckpointStore::set_expiry(const std::string& id, int64_t expires) {
  store_.write([&](Database& database) {
    database.change("UPDATE training_checkpoints SET expires=? WHERE id=?",
                    {expires > 0 ? SqlValue(expires) : SqlValue(), id});
  });
}

void CheckpointStore::publish(const std::string& id, bool is_public) {
  store_.write([&](Database& database) {
    database.change("UPDATE training_checkpoints SET is_public=? WHERE id=?",
                    {int64_t{is_public}, id});
  });
}

void CheckpointStore::remove(const std::string& id) {
  store_.write([&](Database& database) { take_name(database, id); });
  sweep();
}

void CheckpointStore::sweep() {
  const auto gone = store_.write([&](Database& database) {
    for (const auto& row : database.query(
             "SELECT id FROM training_checkpoints WHERE expires<=? AND name NOT LIKE '.%'",
             {store_.now()}))
      take_name(database, row.text(0));
    std::vector<std::string> ids;
    for (const auto& row : database.query(
             "SELECT id FROM training_checkpoints c WHERE name LIKE '.%' AND NOT EXISTS(SELECT 1 "
             "FROM samplers s JOIN sessions n ON n.id=s.session WHERE s.checkpoint=c.id AND "
             "n.finished IS NULL) AND NOT EXISTS(SELECT 1 FROM samplers s JOIN promises p ON "
             "p.owner=s.id WHERE s.checkpoint=c.id AND p.state='waiting')"))
      ids.push_back(row.text(0));
    for (const auto& id : ids) database.change("DELETE FROM training_checkpoints WHERE id=?", {id});
    return ids;
  });
  std::error_code ignored;
  for (const auto& id : gone) fs::remove_all(folder_of(id), ignored);
}

void CheckpointStore::remove_strays() const {
  const auto rows = store_.read(
      [](Database& database) { return database.query("SELECT id FROM training_checkpoints"); });
  std::set<std::string> known;
  for (const auto& row : rows) known.insert(row.text(0));
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (!known.contains(entry.path().filename().string())) fs::remove_all(entry.path(), ignored);
}

}  // namespace gradus::service
