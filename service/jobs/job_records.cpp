// A job's events, checkpoints and models.
#include <filesystem>

#include "service/jobs/job_rows.h"

namespace gradus::service {
namespace {

constexpr const char* kEventColumns =
    "SELECT id, created, level, message, type, data, step, seq FROM events ";

JobEvent event_of(const SqlRow& row) {
  JobEvent event;
  event.id = row.text(0);
  event.created = row.integer(1);
  event.level = row.text(2);
  event.message = row.text(3);
  event.type = row.text(4);
  event.data = json_of_column(row, 5);
  event.step = row.is_null(6) ? -1 : row.integer(6);
  event.seq = row.integer(7);
  return event;
}

JobCheckpoint checkpoint_of(const SqlRow& row) {
  return {row.text(0),    row.text(1), row.integer(2),
          row.integer(3), row.text(4), parse_json(row.text(5), "gradus.db")};
}

}  // namespace

void insert_event(Database& database, const std::string& job, const JobEvent& event, int64_t now) {
  // A run says a warning once; a server that begins anew reads it again.
  if (event.level == "warn" &&
      database.first("SELECT 1 FROM events WHERE job=? AND level='warn' AND message=?",
                     {job, event.message}))
    return;
  database.change(
      "INSERT OR IGNORE INTO events(id, job, created, level, message, type, data, step) "
      "VALUES(?,?,?,?,?,?,?,?)",
      {random_id("ftevent-"), job, now, event.level, event.message, event.type,
       text_of_json(event.data), event.step < 0 ? SqlValue() : SqlValue(event.step)});
}

JobEvent message_event(const std::string& message, const std::string& level) {
  JobEvent event;
  event.level = level;
  event.message = message;
  return event;
}

void JobStore::add_event(const std::string& job, JobEvent event) {
  const int64_t now = store_.now();
  store_.write([&](Database& database) { insert_event(database, job, event, now); });
}

void JobStore::add_events(const std::string& job, const std::vector<JobEvent>& events) {
  if (events.empty()) return;
  const int64_t now = store_.now();
  store_.write([&](Database& database) {
    for (const auto& event : events) insert_event(database, job, event, now);
  });
}

std::optional<int64_t> JobStore::seq_of_event(const std::string& job, const std::string& id) const {
  const auto row = store_.read([&](Database& database) {
    return database.first("SELECT seq FROM events WHERE id=? AND job=?", {id, job});
  });
  if (!row) return std::nullopt;
  return row->integer(0);
}

JobPage<JobEvent> JobStore::events(const std::string& job, const std::string& after,
                                   int64_t limit) const {
  JobPage<JobEvent> page;
  int64_t place = INT64_MAX;
  if (!after.empty()) {
    const auto found = seq_of_event(job, after);
    page.knows_after = found.has_value();
    if (!found) return page;
    place = *found;
  }
  const auto rows = store_.read([&](Database& database) {
    return database.query(
        std::string(kEventColumns) + "WHERE job=? AND seq<? ORDER BY seq DESC LIMIT ?",
        {job, place, limit + 1});
  });
  for (const auto& row : rows) page.items.push_back(event_of(row));
  cut_page(page, limit);
  return page;
}

std::vector<JobEvent> JobStore::events_since(const std::string& job, int64_t seq) const {
  const auto rows = store_.read([&](Database& database) {
    return database.query(
        std::string(kEventColumns) + "WHERE job=? AND seq>? ORDER BY seq LIMIT 500", {job, seq});
  });
  std::vector<JobEvent> events;
  for (const auto& row : rows) events.push_back(event_of(row));
  return events;
}

std::vector<JobEvent> JobStore::metrics(const std::string& job) const {
  const auto rows = store_.read([&](Database& database) {
    return database.query(
        std::string(kEventColumns) + "WHERE job=? AND type='metrics' ORDER BY step", {job});
  });
  std::vector<JobEvent> events;
  for (const auto& row : rows) events.push_back(event_of(row));
  return events;
}

void JobStore::add_checkpoint(const std::string& job, int64_t step, const std::string& model,
                              const std::string& path, const nlohmann::json& metrics) {
  const int64_t now = store_.now();
  store_.write([&](Database& database) {
    const int64_t added = database.change(
        "INSERT OR IGNORE INTO checkpoints(id, job, created, step, model, metrics) "
        "VALUES(?,?,?,?,?,?)",
        {random_id("ftckpt_"), job, now, step, model, dump_json(metrics)});
    if (added == 0) return;
    database.change(
        "INSERT INTO models(name, project, job, path, created) SELECT ?, project, id, ?, ? FROM "
        "jobs WHERE id=?",
        {model, path, now, job});
    insert_event(database, job, message_event("Checkpoint created at step " + std::to_string(step)),
                 now);
  });
}

JobPage<JobCheckpoint> JobStore::checkpoints(const std::string& job, const std::string& after,
                                             int64_t limit) const {
  JobPage<JobCheckpoint> page;
  const auto rows = store_.read([&](Database& database) {
    int64_t place = INT64_MAX;
    if (!after.empty()) {
      const auto row =
          database.first("SELECT step FROM checkpoints WHERE id=? AND job=?", {after, job});
      page.knows_after = row.has_value();
      if (!row) return std::vector<SqlRow>();
      place = row->integer(0);
    }
    return database.query(
        "SELECT id, job, created, step, model, metrics FROM checkpoints WHERE job=? AND step<? "
        "ORDER BY step DESC LIMIT ?",
        {job, place, limit + 1});
  });
  for (const auto& row : rows) page.items.push_back(checkpoint_of(row));
  cut_page(page, limit);
  return page;
}

std::optional<JobCheckpoint> JobStore::find_checkpoint(const std::string& id_or_model) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(
        "SELECT id, job, created, step, model, metrics FROM checkpoints WHERE id=? OR model=?",
        {id_or_model, id_or_model});
  });
  if (!row) return std::nullopt;
  return checkpoint_of(*row);
}

std::vector<std::string> JobStore::drop_old_checkpoints(const std::string& job, int64_t keep) {
  return store_.write([&](Database& database) {
    std::vector<std::string> paths;
    const auto rows = database.query(
        "SELECT c.id, c.model, m.path FROM checkpoints c LEFT JOIN models m ON m.name=c.model "
        "WHERE c.job=? ORDER BY c.step DESC LIMIT -1 OFFSET ?",
        {job, keep});
    for (const auto& row : rows) {
      database.change("DELETE FROM checkpoints WHERE id=?", {row.text(0)});
      database.change("DELETE FROM models WHERE name=?", {row.text(1)});
      if (!row.is_null(2)) paths.push_back(row.text(2));
    }
    return paths;
  });
}

bool JobStore::is_file_in_use(const std::string& file) const {
  return store_.read([&](Database& database) {
    return database
        .first(
            "SELECT 1 FROM jobs WHERE (training_file=? OR validation_file=?) AND finished IS NULL",
            {file, file})
        .has_value();
  });
}

bool JobStore::is_model_in_use(const std::string& model) const {
  return store_.read([&](Database& database) {
    return database.first("SELECT 1 FROM jobs WHERE model=? AND finished IS NULL", {model})
        .has_value();
  });
}

void JobStore::remove_model(const std::string& model) {
  const std::string path = store_.write([&](Database& database) {
    const auto row = database.first("SELECT path FROM models WHERE name=?", {model});
    database.change("DELETE FROM models WHERE name=?", {model});
    database.change("DELETE FROM checkpoints WHERE model=?", {model});
    return row ? row->text(0) : std::string();
  });
  std::error_code ignored;
  if (!path.empty()) std::filesystem::remove_all(path, ignored);
}

}  // namespace gradus::service
