#include "service/jobs/job_store.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "service/http/message.h"
#include "service/jobs/job_rows.h"

namespace gradus::service {
namespace {

constexpr const char* kJobColumns =
    "SELECT seq, id, project, key, created, finished, status, model, suffix, seed, training_file, "
    "validation_file, method, metadata, integrations, gradus, hyperparameters, fine_tuned_model, "
    "error, result_files, trained_tokens, steps, step, estimated_finish, attempts FROM jobs ";
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
  job.method = json_of_column(row, 12);
  job.metadata = json_of_column(row, 13);
  job.integrations = json_of_column(row, 14);
  job.gradus = json_of_column(row, 15);
  job.hyperparameters = json_of_column(row, 16);
  job.fine_tuned_model = row.text(17);
  job.error = json_of_column(row, 18);
  job.result_files = json_of_column(row, 19);
  if (!row.is_null(20)) job.trained_tokens = row.integer(20);
  job.steps = row.integer(21);
  job.step = row.integer(22);
  job.estimated_finish = row.integer(23);
  job.attempts = row.integer(24);
  return job;
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
      const auto earlier =
          database.first("SELECT hash, job FROM idempotency WHERE project=? AND key=?",
                         {job.project, idempotency_key});
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
        "UPDATE jobs SET status='failed', finished=?, error=?, estimated_finish=NULL WHERE id=? "
        "AND "
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
        "INSERT OR REPLACE INTO models(name, project, job, path, created) SELECT ?, project, id, "
        "?, "
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
    database.change("UPDATE jobs SET step=?, estimated_finish=? WHERE id=? AND status='running'",
                    {step, estimated_finish > 0 ? SqlValue(estimated_finish) : SqlValue(), id});
  });
}

void JobStore::set_attempts(const std::string& id, int64_t attempts) {
  store_.write([&](Database& database) {
    database.change("UPDATE jobs SET attempts=? WHERE id=?", {attempts, id});
  });
}

}  // namespace gradus::service
