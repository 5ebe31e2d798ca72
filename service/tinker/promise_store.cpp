#include "service/tinker/promise_store.h"

#include <fmt/format.h>

#include "service/http/message.h"

namespace gradus::service {
namespace {

void insert_usage(Database& database, const SampleUsage& usage, int64_t now) {
  database.change(
      "INSERT INTO usage(created, project, key, model, endpoint, status, prompt_tokens, "
      "completion_tokens) VALUES(?,?,?,?,'asample','ok',?,?)",
      {now, usage.project, usage.key, usage.model, usage.prompt_tokens, usage.completion_tokens});
}

}  // namespace

std::string promise_columns(bool has_body) {
  return std::string(
             "SELECT p.id, p.project, p.session, p.owner, p.number, p.kind, p.hash, p.seed, "
             "p.state, p.error, p.category, p.status, p.key") +
         (has_body ? ", p.body" : "") + " FROM promises p ";
}

Promise promise_of(const SqlRow& row, bool has_body) {
  Promise promise;
  promise.id = row.text(0);
  promise.project = row.text(1);
  promise.session = row.text(2);
  promise.owner = row.text(3);
  if (!row.is_null(4)) promise.number = row.integer(4);
  promise.kind = row.text(5);
  promise.hash = row.text(6);
  promise.seed = static_cast<uint64_t>(row.integer(7));
  promise.state = row.text(8);
  promise.error = row.text(9);
  promise.category = row.text(10);
  promise.status = static_cast<int>(row.integer(11));
  promise.key = row.text(12);
  if (has_body) promise.body = row.text(13);
  return promise;
}

std::optional<Promise> find_numbered(Database& database, const Promise& promise) {
  if (!promise.number) return std::nullopt;
  const auto row = database.first(promise_columns(false) + "WHERE p.owner=? AND p.number=?",
                                  {promise.owner, *promise.number});
  if (!row) return std::nullopt;
  auto earlier = promise_of(*row, false);
  if (earlier.kind != promise.kind || earlier.hash != promise.hash)
    throw HttpError(
        400,
        fmt::format("The seq_id {} was used by another request ({}); a repeated request "
                    "must be the same, a new one takes the next number.",
                    *promise.number, earlier.kind),
        "number_in_use", "seq_id");
  return earlier;
}

void insert_promise(Database& database, const Promise& promise, int64_t now) {
  const bool is_waiting = promise.is_waiting();
  database.change(
      "INSERT INTO promises(id, project, session, owner, number, kind, hash, key, created, body, "
      "seed, "
      "state, error, category, status, finished) "
      "VALUES(?,?,?,?,?,?,?,?,?,CAST(? AS BLOB),?,?,?,?,?,?)",
      {promise.id, promise.project, promise.session, promise.owner,
       promise.number ? SqlValue(*promise.number) : SqlValue(), promise.kind, promise.hash,
       promise.key, now, or_null(promise.body), static_cast<int64_t>(promise.seed), promise.state,
       or_null(promise.error), or_null(promise.category),
       promise.status > 0 ? SqlValue(int64_t{promise.status}) : SqlValue(),
       is_waiting ? SqlValue() : SqlValue(now)});
}

void end_promise(Database& database, const std::string& id, const PromiseEnd& end, int64_t now) {
  database.change(
      "UPDATE promises SET state=?, result=CAST(? AS BLOB), is_protobuf=?, error=?, category=?, "
      "finished=? WHERE id=? AND state='waiting'",
      {end.has_failed() ? "failed" : "kept", or_null(end.result), int64_t{end.is_protobuf},
       or_null(end.error), or_null(end.category), now, id});
}

Promise PromiseStore::add_sample(const Promise& promise, int64_t max_waiting) {
  return store_.write([&](Database& database) -> Promise {
    if (auto earlier = find_numbered(database, promise)) return *earlier;
    const auto waiting = database.first(
        "SELECT count(*) FROM promises WHERE state='waiting' AND project=? AND kind='sample'",
        {promise.project});
    if (waiting->integer(0) >= max_waiting) {
      HttpError error(429, "Too many samples are waiting; fetch some first.",
                      "rate_limit_exceeded");
      error.headers = {{"retry-after", "1"}};
      throw error;
    }
    insert_promise(database, promise, store_.now());
    return promise;
  });
}

std::optional<Promise> PromiseStore::find(const std::string& id, const std::string& project) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(promise_columns(false) + "WHERE p.id=? AND p.project=?", {id, project});
  });
  if (!row) return std::nullopt;
  return promise_of(*row, false);
}

std::vector<Promise> PromiseStore::waiting_of_kind(const std::string& kind) const {
  const auto rows = store_.read([&](Database& database) {
    return database.query(
        promise_columns(true) + "WHERE p.state='waiting' AND p.kind=? ORDER BY p.seq", {kind});
  });
  std::vector<Promise> promises;
  for (const auto& row : rows) promises.push_back(promise_of(row, true));
  return promises;
}

std::optional<PromiseEnd> PromiseStore::end_of(const std::string& id) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(
        "SELECT state, result, is_protobuf, error, category FROM promises WHERE id=?", {id});
  });
  if (!row || row->text(0) == "waiting") return std::nullopt;
  if (row->text(0) == "kept" && row->is_null(1)) return std::nullopt;
  return PromiseEnd{row->text(1), row->integer(2) != 0, row->text(3), row->text(4)};
}

void PromiseStore::note_fetched(const std::string& id) {
  store_.write_later([id, now = store_.now()](Database& database) {
    database.change("UPDATE promises SET fetched=? WHERE id=? AND fetched IS NULL", {now, id});
  });
}

void PromiseStore::keep(const std::vector<std::pair<std::string, PromiseEnd>>& ends) {
  store_.write([&](Database& database) {
    for (const auto& [id, end] : ends) end_promise(database, id, end, store_.now());
    for (const auto& [id, end] : ends)
      if (end.usage) insert_usage(database, *end.usage, store_.now());
    for (const auto& [id, end] : ends)
      database.change("UPDATE promises SET body=NULL WHERE id=? AND kind='sample'", {id});
  });
}

void PromiseStore::drop_old(int64_t since) {
  store_.write([&](Database& database) {
    database.change(
        "DELETE FROM promises WHERE finished<?1 AND body IS NULL AND (session IN "
        "(SELECT id FROM sessions WHERE finished<?1) OR (fetched<?1 AND (kind='sample' OR number "
        "IS NULL OR EXISTS(SELECT 1 FROM promises later WHERE later.owner=promises.owner AND "
        "later.number>promises.number AND later.fetched IS NOT NULL))))",
        {since});
  });
}

}  // namespace gradus::service
