#include "service/jobs/job_store.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/json.h"
#include "service/http/message.h"

namespace gradus::service {
namespace {

constexpr const char* kJobColumns =
    "SELECT seq, id, project, key, created, finished, status, model, suffix, seed, training_file, "
    "validation_file, method, metadata, integrations, gradus, hyperparameters, fine_tuned_model, "
    "error, result_files, trained_tokens, steps, step, estimated_finish, attempts FROM jobs ";
constexpr const char* kEventColumns =
    "SELECT id, created, level, message, type, data, step, seq FROM events ";

nlohmann::json json_or_null(const SqlRow& row, size_t column) {
  return row.is_null(column) ? nlohmann::json() : parse_json(row.text(column), "gradus.db");
}

SqlValue text_of_json(const nlohmann::json& value) {
  return value.is_null() ? SqlValue() : SqlValue(dump_json(value));
}

Job job_of(const SqlRow& row) {
  Job job;
  job.seq = row.integer(0);
  job.id = row.text(1);
  job.project = row.text(2);
  job.key = row.text(3);
  job.created = row.integer(4);
  job.finished = row.integer(5);
  job.status = row.text(6);
  job.model = row.text(7);
  job.suffix = row.text(8);
  job.seed = row.integer(9);
  job.training_file = row.text(10);
  job.validation_file = row.text(11);
  job.method = json_or_null(row, 12);
  job.metadata = json_or_null(row, 13);
  job.integrations = json_or_null(row, 14);
  job.gradus = json_or_null(row, 15);
  job.hyperparameters = json_or_null(row, 16);
  job.fine_tuned_model = row.text(17);
  job.error = json_or_null(row, 18);
  job.result_files = json_or_null(row, 19);
  if (!row.is_null(20)) job.trained_tokens = row.integer(20);
  job.steps = row.integer(21);
  job.step = row.integer(22);
  job.estimated_finish = row.integer(23);
  job.attempts = row.integer(24);
  return job;
}

JobEvent event_of(const SqlRow& row) {
  JobEvent event;
  event.id = row.text(0);
  event.created = row.integer(1);
  event.level = row.text(2);
  event.message = row.text(3);
  event.type = row.text(4);
  event.data = json_or_null(row, 5);
  event.step = row.is_null(6) ? -1 : row.integer(6);
  event.seq = row.integer(7);
  return event;
}

JobCheckpoint checkpoint_of(const SqlRow& row) {
  return {row.text(0),    row.text(1), row.integer(2),
          row.integer(3), row.text(4), parse_json(row.text(5), "gradus.db")};
}

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

JobEvent message_event(const std::string& message, const std::string& level = "info") {
  JobEvent event;
  event.level = level;
  event.message = message;
  return event;
}

template <class Item>
void cut_page(JobPage<Item>& page, int64_t limit) {
  page.has_more = std::ssize(page.items) > limit;
  if (page.has_more) page.items.pop_back();
}

void insert_job(Database& database, const Job& job) {
  database.change(
      "INSERT INTO jobs(id, project, key, created, status, model, suffix, seed, training_file, "
      "validation_file, method, metadata, integrations, gradus, hyperparameters) "
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      {job.id, job.project, job.key, job.created, "validating_files", job.model, job.suffix,
       job.seed, job.training_file, or_null(job.validation_file), dump_json(job.method),
       text_of_json(job.metadata), text_of_json(job.integrations), text_of_json(job.gradus),
       text_of_json(job.hyperparameters)});
  insert_event(database, job.id, message_event("Created fine-tuning job: " + job.id), job.created);
  insert_event(database, job.id, message_event("Validating training file: " + job.training_file),
               job.created);
}

}  // namespace

Job JobStore::create(Job job, const std::string& idempotency_key, const std::string& body_hash,
                     int64_t max_waiting) {
  job.id = random_id("ftjob-");
  job.created = store_.now();
  const std::string id = store_.write([&](Database& database) -> std::string {
    if (!idempotency_key.empty()) {
      const auto earlier = database.first(
          "SELECT hash, job FROM idempotency WHERE project=? AND key=?", {job.project, idempotency_key});
      if (earlier && earlier->text(0) != body_hash) {
        throw HttpError(400, "The Idempotency-Key was used with another body.",
                        "idempotency_key_in_use");
      }
      if (earlier) return earlier->text(1);
    }
    const auto waiting = database.first(
        "SELECT count(*) FROM jobs WHERE project=? AND status IN ('validating_files','queued')",
        {job.project});
    if (waiting->integer(0) >= max_waiting) {
      HttpError error(429, "Too many fine-tuning jobs are waiting; try again when one has ended.",
                      "rate_limit_exceeded");
      error.headers = {{"retry-after", "30"}};
      throw error;
    }
    insert_job(database, job);
    if (!idempotency_key.empty()) {
      database.change("INSERT INTO idempotency(project, key, hash, job, created) VALUES(?,?,?,?,?)",
                      {job.project, idempotency_key, body_hash, job.id, job.created});
    }
    return job.id;
  });
  return *find_any(id);
}

std::optional<Job> JobStore::find_any(const std::string& id) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kJobColumns) + "WHERE id=?", {id});
  });
  if (!row) return std::nullopt;
  return job_of(*row);
}

std::optional<Job> JobStore::find(const std::string& id, const std::string& project) const {
  auto job = find_any(id);
  if (job && job->project != project) return std::nullopt;
  return job;
}

JobPage<Job> JobStore::list(const std::string& project, const std::string& after, int64_t limit,
                            const std::vector<std::pair<std::string, std::string>>& metadata,
                            bool without_metadata) const {
  JobPage<Job> page;
  std::string sql = std::string(kJobColumns) + "WHERE project=? AND seq<?";
  std::vector<SqlValue> values{project, INT64_MAX};
  if (without_metadata) sql += " AND (metadata IS NULL OR metadata='{}')";
  for (const auto& [key, value] : metadata) {
    sql += " AND EXISTS(SELECT 1 FROM json_each(jobs.metadata) e WHERE e.key=? AND e.value=?)";
    values.emplace_back(key);
    values.emplace_back(value);
  }
  values.emplace_back(limit + 1);
  const auto rows = store_.read([&](Database& database) {
    if (!after.empty()) {
      const auto row =
          database.first("SELECT seq FROM jobs WHERE id=? AND project=?", {after, project});
      page.knows_after = row.has_value();
      if (!row) return std::vector<SqlRow>();
      values[1] = row->integer(0);
    }
    return database.query(sql + " ORDER BY seq DESC LIMIT ?", values);
  });
  for (const auto& row : rows) page.items.push_back(job_of(row));
  cut_page(page, limit);
  return page;
}

std::vector<Job> JobStore::in_state(const std::string& status) const {
  const auto rows = store_.read([&](Database& database) {
    return database.query(std::string(kJobColumns) + "WHERE status=? ORDER BY seq", {status});
  });
  std::vector<Job> jobs;
  for (const auto& row : rows) jobs.push_back(job_of(row));
  return jobs;
}

bool JobStore::change_state(const std::string& id, const std::vector<std::string>& from,
                            const std::string& to, const std::string& message) {
  const int64_t now = store_.now();
  const bool ends = to == "cancelled";
  return store_.write([&](Database& database) {
    const auto row = database.first("SELECT status FROM jobs WHERE id=?", {id});
    if (!row || std::ranges::find(from, row->text(0)) == from.end()) return false;
    database.change("UPDATE jobs SET status=?, finished=?, estimated_finish=NULL WHERE id=?",
                    {to, ends ? SqlValue(now) : SqlValue(), id});
    if (!message.empty()) insert_event(database, id, message_event(message), now);
    return true;
  });
}

bool JobStore::fail(const std::string& id, const std::string& code, const std::string& message,
                    const std::string& param) {
  const int64_t now = store_.now();
  const nlohmann::json error{{"code", code},
                             {"message", message},
                             {"param", param.empty() ? nlohmann::json() : nlohmann::json(param)}};
  return store_.write([&](Database& database) {
    const int64_t changed = database.change(
        "UPDATE jobs SET status='failed', finished=?, error=?, estimated_finish=NULL WHERE id=? AND "
        "status NOT IN ('succeeded','failed','cancelled')",
        {now, dump_json(error), id});
    if (changed == 0) return false;
    insert_event(database, id, message_event("The job failed: " + message, "error"), now);
    return true;
  });
}

bool JobStore::succeed(const std::string& id, const std::string& model,
                       const std::string& model_path, const std::vector<std::string>& result_files,
                       int64_t trained_tokens) {
  const int64_t now = store_.now();
  return store_.write([&](Database& database) {
    const int64_t changed = database.change(
        "UPDATE jobs SET status='succeeded', finished=?, fine_tuned_model=?, result_files=?, "
        "trained_tokens=?, step=steps, estimated_finish=NULL WHERE id=? AND status='running'",
        {now, model, dump_json(result_files), trained_tokens, id});
    if (changed == 0) return false;
    database.change(
        "INSERT OR REPLACE INTO models(name, project, job, path, created) SELECT ?, project, id, ?, "
        "? FROM jobs WHERE id=?",
        {model, model_path, now, id});
    insert_event(database, id, message_event("New fine-tuned model created: " + model), now);
    insert_event(database, id, message_event("The job has successfully completed"), now);
    return true;
  });
}

void JobStore::set_method(const std::string& id, const nlohmann::json& method,
                          const nlohmann::json& hyperparameters, int64_t steps) {
  store_.write([&](Database& database) {
    database.change("UPDATE jobs SET method=?, hyperparameters=?, steps=? WHERE id=?",
                    {dump_json(method), text_of_json(hyperparameters), steps, id});
  });
}

void JobStore::set_progress(const std::string& id, int64_t step, int64_t estimated_finish,
                            int64_t /*trained_tokens*/) {
  store_.write([&](Database& database) {
    database.change(
        "UPDATE jobs SET step=?, estimated_finish=? WHERE id=? AND status='running'",
        {step, estimated_finish > 0 ? SqlValue(estimated_finish) : SqlValue(), id});
  });
}

void JobStore::set_attempts(const std::string& id, int64_t attempts) {
  store_.write([&](Database& database) {
    database.change("UPDATE jobs SET attempts=? WHERE id=?", {attempts, id});
  });
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
    insert_event(database, job,
                 message_event("Checkpoint created at step " + std::to_string(step)), now);
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
        .first("SELECT 1 FROM jobs WHERE (training_file=? OR validation_file=?) AND finished IS NULL",
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
