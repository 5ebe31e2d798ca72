#include "service/store/migrations.h"

#include <fmt/format.h>

#include <iterator>

#include "base/error.h"

namespace gradus::service {
namespace {

// A step is never changed once it was released; what comes later is a step of its own.
constexpr const char* kSteps[] = {
    // 1
    R"sql(
CREATE TABLE keys(
  id TEXT PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER,
  last_used INTEGER, revoked INTEGER, job TEXT);
CREATE TABLE files(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
  filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, created INTEGER NOT NULL,
  expires INTEGER);
CREATE INDEX files_of_project ON files(project, seq);
CREATE TABLE jobs(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
  key TEXT NOT NULL, created INTEGER NOT NULL, finished INTEGER,
  status TEXT NOT NULL CHECK(status IN ('validating_files','queued','running','paused','succeeded',
                                        'failed','cancelled')),
  model TEXT NOT NULL, suffix TEXT NOT NULL, seed INTEGER NOT NULL, training_file TEXT NOT NULL,
  validation_file TEXT, method TEXT NOT NULL, metadata TEXT, integrations TEXT, gradus TEXT,
  hyperparameters TEXT, fine_tuned_model TEXT, error TEXT, result_files TEXT NOT NULL DEFAULT '[]',
  trained_tokens INTEGER, steps INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0,
  estimated_finish INTEGER, attempts INTEGER NOT NULL DEFAULT 0);
CREATE INDEX jobs_of_project ON jobs(project, seq);
CREATE INDEX jobs_to_do ON jobs(status, seq)
  WHERE status IN ('validating_files','queued','running');
CREATE TRIGGER ended_jobs_stay BEFORE UPDATE OF status ON jobs
  WHEN OLD.status IN ('succeeded','failed','cancelled') AND NEW.status <> OLD.status
  BEGIN SELECT RAISE(ABORT, 'the job has ended'); END;
CREATE TABLE events(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  job TEXT NOT NULL REFERENCES jobs(id), created INTEGER NOT NULL, level TEXT NOT NULL,
  message TEXT NOT NULL, type TEXT NOT NULL, data TEXT, step INTEGER);
CREATE INDEX events_of_job ON events(job, seq);
CREATE UNIQUE INDEX metrics_once ON events(job, step) WHERE type = 'metrics';
CREATE TABLE models(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
  job TEXT NOT NULL REFERENCES jobs(id), path TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE checkpoints(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  job TEXT NOT NULL REFERENCES jobs(id), created INTEGER NOT NULL, step INTEGER NOT NULL,
  model TEXT NOT NULL, metrics TEXT NOT NULL, UNIQUE(job, step));
CREATE TABLE permissions(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
  project TEXT NOT NULL, created INTEGER NOT NULL, UNIQUE(model, project));
CREATE TABLE usage(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, created INTEGER NOT NULL, project TEXT NOT NULL,
  key TEXT NOT NULL, model TEXT NOT NULL, endpoint TEXT NOT NULL, status TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL);
CREATE INDEX usage_of_project ON usage(project, created);
CREATE TABLE idempotency(
  project TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, job TEXT NOT NULL,
  created INTEGER NOT NULL, PRIMARY KEY(project, key));
)sql",
    // 2: training sessions, their models, promises, samplers and checkpoints
    R"sql(
CREATE TABLE sessions(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
  created INTEGER NOT NULL, last_seen INTEGER NOT NULL, finished INTEGER, reason TEXT, detail TEXT,
  tags TEXT NOT NULL, metadata TEXT, display_name TEXT, client_project TEXT, idempotency TEXT,
  UNIQUE(project, idempotency));
CREATE INDEX sessions_of_project ON sessions(project, seq);
CREATE INDEX open_sessions ON sessions(last_seen) WHERE finished IS NULL;
CREATE TABLE training_models(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
  session TEXT NOT NULL REFERENCES sessions(id), number INTEGER NOT NULL, base TEXT NOT NULL,
  rank INTEGER NOT NULL, has_attention INTEGER NOT NULL, has_mlp INTEGER NOT NULL,
  has_head INTEGER NOT NULL, alpha REAL NOT NULL,
  metadata TEXT, created INTEGER NOT NULL, last_request INTEGER NOT NULL,
  done_seq INTEGER NOT NULL DEFAULT -1, state_seq INTEGER NOT NULL DEFAULT -1, state TEXT,
  closed INTEGER, released INTEGER NOT NULL DEFAULT 0, fault TEXT, UNIQUE(session, number));
CREATE INDEX training_models_of_project ON training_models(project, seq);
CREATE TABLE promises(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
  session TEXT NOT NULL, owner TEXT NOT NULL, number INTEGER, kind TEXT NOT NULL,
  hash TEXT NOT NULL, key TEXT NOT NULL, created INTEGER NOT NULL, body BLOB,
  seed INTEGER NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('waiting','kept','failed','refused')), result BLOB,
  is_protobuf INTEGER NOT NULL DEFAULT 0, error TEXT, category TEXT, status INTEGER,
  finished INTEGER, fetched INTEGER);
CREATE UNIQUE INDEX promises_once ON promises(owner, number) WHERE number IS NOT NULL;
CREATE INDEX promises_to_keep ON promises(owner, number) WHERE state = 'waiting';
CREATE INDEX promises_that_ended ON promises(finished) WHERE finished IS NOT NULL;
CREATE TABLE training_checkpoints(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
  model TEXT NOT NULL REFERENCES training_models(id),
  kind TEXT NOT NULL CHECK(kind IN ('weights','sampler_weights','external_weights')),
  name TEXT NOT NULL, created INTEGER NOT NULL, bytes INTEGER NOT NULL, expires INTEGER,
  is_public INTEGER NOT NULL DEFAULT 0, metadata TEXT, UNIQUE(model, kind, name));
CREATE INDEX training_checkpoints_of_project ON training_checkpoints(project, seq);
CREATE TABLE samplers(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
  session TEXT NOT NULL REFERENCES sessions(id), number INTEGER NOT NULL, base TEXT NOT NULL,
  path TEXT, checkpoint TEXT, follows TEXT, created INTEGER NOT NULL, UNIQUE(session, number));
CREATE INDEX samplers_that_follow ON samplers(follows) WHERE follows IS NOT NULL;
CREATE INDEX samplers_of_checkpoint ON samplers(checkpoint) WHERE checkpoint IS NOT NULL;
)sql",
    // 3: what is to be told of jobs that ended, written with the status that ends them
    R"sql(
CREATE TABLE deliveries(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
  job TEXT NOT NULL REFERENCES jobs(id), created INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, next_try INTEGER NOT NULL DEFAULT 0);
CREATE INDEX deliveries_due ON deliveries(next_try, seq);
CREATE TRIGGER ended_jobs_are_told AFTER UPDATE OF status ON jobs
  WHEN NEW.status IN ('succeeded','failed','cancelled') AND NEW.status <> OLD.status
  BEGIN INSERT INTO deliveries(id, type, job, created) VALUES(
    'evt_' || lower(hex(randomblob(12))), 'fine_tuning.job.' || NEW.status, NEW.id,
    COALESCE(NEW.finished, CAST(strftime('%s','now') AS INTEGER))); END;
)sql",
    // 4: logins of the page
    R"sql(
CREATE TABLE logins(
  hash TEXT PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL);
)sql",
};

constexpr int64_t kNewest = std::size(kSteps);
/// "GRDS": a database of another program is not taken for ours.
constexpr int64_t kApplication = 0x47524453;

}  // namespace

void migrate(Database& database, const std::function<void()>& keep_copy) {
  const int64_t owner = database.first("PRAGMA application_id")->integer(0);
  int64_t version = database.first("PRAGMA user_version")->integer(0);
  if (owner != kApplication && (owner != 0 || version != 0))
    throw FileError("gradus.db", "corrupt", "is the database of another program");
  if (version > kNewest) {
    throw FileError("gradus.db", "newer_schema",
                    fmt::format("has schema {}, this Gradus knows {}; use the newer one, or the "
                                "copy that was made before it was changed",
                                version, kNewest));
  }
  if (version > 0 && version < kNewest) keep_copy();
  for (; version < kNewest; ++version) {
    database.run_script(
        fmt::format("BEGIN IMMEDIATE; {} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT;",
                    kSteps[version], kApplication, version + 1));
  }
}

}  // namespace gradus::service
