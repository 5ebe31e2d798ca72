#include "service/tinker/session_store.h"

#include "base/json.h"
#include "service/http/message.h"

namespace gradus::service {
namespace {

constexpr const char* kSessionColumns =
    "SELECT id, project, created, finished, reason, tags, metadata, display_name, client_project "
    "FROM sessions ";
constexpr const char* kSamplerColumns =
    "SELECT id, project, session, number, base, path, checkpoint, follows FROM samplers ";

nlohmann::json json_or_null(const SqlRow& row, size_t column) {
  if (row.is_null(column)) return nullptr;
  return nlohmann::json::parse(row.text(column));
}

Session session_of(const SqlRow& row) {
  Session session;
  session.id = row.text(0);
  session.project = row.text(1);
  session.created = row.integer(2);
  session.finished = row.integer(3);
  session.reason = row.text(4);
  session.tags = json_or_null(row, 5);
  session.metadata = json_or_null(row, 6);
  session.display_name = row.text(7);
  session.client_project = row.text(8);
  return session;
}

Sampler sampler_of(const SqlRow& row) {
  return {row.text(0), row.text(1), row.text(2), row.integer(3),
          row.text(4), row.text(5), row.text(6), row.text(7)};
}

std::vector<std::string> first_column(const std::vector<SqlRow>& rows) {
  std::vector<std::string> texts;
  texts.reserve(rows.size());
  for (const auto& row : rows) texts.push_back(row.text(0));
  return texts;
}

}  // namespace

Session SessionStore::create(Session session, const std::string& idempotency) {
  session.id = random_id("sess-");
  session.created = store_.now();
  return store_.write([&](Database& database) -> Session {
    const auto earlier =
        database.first(std::string(kSessionColumns) + "WHERE project=? AND idempotency=?",
                       {session.project, or_null(idempotency)});
    if (earlier) return session_of(*earlier);
    database.change(
        "INSERT INTO sessions(id, project, created, last_seen, tags, metadata, display_name, "
        "client_project, idempotency) VALUES(?,?,?,?,?,?,?,?,?)",
        {session.id, session.project, session.created, session.created, dump_json(session.tags),
         session.metadata.is_null() ? SqlValue() : SqlValue(dump_json(session.metadata)),
         or_null(session.display_name), or_null(session.client_project), or_null(idempotency)});
    return session;
  });
}

std::optional<Session> SessionStore::find(const std::string& id, const std::string& project) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kSessionColumns) + "WHERE id=? AND project=?", {id, project});
  });
  if (!row) return std::nullopt;
  return session_of(*row);
}

bool SessionStore::beat(const std::string& id, const std::string& project) {
  const auto session = find(id, project);
  if (!session || session->finished > 0) return false;
  store_.write_later([id, now = store_.now()](Database& database) {
    database.change("UPDATE sessions SET last_seen=? WHERE id=?", {now, id});
  });
  return true;
}

bool SessionStore::finish(const std::string& id, const std::string& reason,
                          const std::string& detail) {
  return store_.write([&](Database& database) {
    return database.change(
               "UPDATE sessions SET finished=?, reason=?, detail=? WHERE id=? AND finished IS NULL",
               {store_.now(), reason, or_null(detail), id}) > 0;
  });
}

std::vector<std::string> SessionStore::finish_silent(int64_t since) {
  const auto silent = store_.read([&](Database& database) {
    return first_column(
        database.query("SELECT id FROM sessions WHERE finished IS NULL AND last_seen<?", {since}));
  });
  std::vector<std::string> over;
  for (const auto& id : silent)
    if (finish(id, "silent", "")) over.push_back(id);
  return over;
}

void SessionStore::begin_anew() {
  store_.write([&](Database& database) {
    database.change("UPDATE sessions SET last_seen=? WHERE finished IS NULL", {store_.now()});
  });
}

void SessionStore::label(const std::string& id, const std::string& client_project) {
  store_.write([&](Database& database) {
    database.change("UPDATE sessions SET client_project=? WHERE id=?",
                    {or_null(client_project), id});
  });
}

SessionStore::Page SessionStore::list(const std::string& project, const ListWish& wish) const {
  return store_.read([&](Database& database) {
    Page page;
    page.total =
        database.first("SELECT count(*) FROM sessions WHERE project=?", {project})->integer(0);
    page.ids = first_column(
        database.query("SELECT id FROM sessions WHERE project=? ORDER BY seq DESC LIMIT ? OFFSET ?",
                       {project, wish.limit, wish.offset}));
    return page;
  });
}

std::vector<std::string> SessionStore::model_ids(const std::string& session) const {
  return store_.read([&](Database& database) {
    return first_column(database.query(
        "SELECT id FROM training_models WHERE session=? ORDER BY number", {session}));
  });
}

std::vector<std::string> SessionStore::sampler_ids(const std::string& session) const {
  return store_.read([&](Database& database) {
    return first_column(
        database.query("SELECT id FROM samplers WHERE session=? ORDER BY number", {session}));
  });
}

Sampler SessionStore::add(Sampler sampler) {
  store_.write([&](Database& database) {
    check_session_is_open(database, sampler.session, sampler.project);
    put_sampler(database, sampler, store_.now());
  });
  return sampler;
}

std::optional<Sampler> SessionStore::find_sampler(const std::string& id,
                                                  const std::string& project) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kSamplerColumns) + "WHERE id=? AND project=?", {id, project});
  });
  if (!row) return std::nullopt;
  return sampler_of(*row);
}

bool SessionStore::is_open(const std::string& session) const {
  return store_.read([&](Database& database) {
    return database.first("SELECT 1 FROM sessions WHERE id=? AND finished IS NULL", {session})
        .has_value();
  });
}

void check_session_is_open(Database& database, const std::string& session,
                           const std::string& project) {
  const auto row =
      database.first("SELECT finished FROM sessions WHERE id=? AND project=?", {session, project});
  if (!row)
    throw HttpError(404, "There is no session `" + session + "`.", "session_not_found",
                    "session_id");
  if (!row->is_null(0))
    throw HttpError(400, "The session `" + session + "` is over; begin a new one.", "session_over",
                    "session_id");
}

void put_sampler(Database& database, const Sampler& sampler, int64_t now) {
  if (!sampler.follows.empty())
    database.change("UPDATE samplers SET checkpoint=? WHERE follows=?",
                    {or_null(sampler.checkpoint), sampler.follows});
  const auto row = database.first(std::string(kSamplerColumns) + "WHERE session=? AND number=?",
                                  {sampler.session, sampler.number});
  if (!row) {
    database.change(
        "INSERT INTO samplers(id, project, session, number, base, path, checkpoint, follows, "
        "created) VALUES(?,?,?,?,?,?,?,?,?)",
        {sampler.id, sampler.project, sampler.session, sampler.number, sampler.base,
         or_null(sampler.path), or_null(sampler.checkpoint), or_null(sampler.follows), now});
    return;
  }
  const Sampler earlier = sampler_of(*row);
  if (earlier.base != sampler.base || earlier.path != sampler.path ||
      earlier.checkpoint != sampler.checkpoint || earlier.follows != sampler.follows)
    throw HttpError(400, "The sampling_session_seq_id was used for another sampling session.",
                    "number_in_use", "sampling_session_seq_id");
}

}  // namespace gradus::service
