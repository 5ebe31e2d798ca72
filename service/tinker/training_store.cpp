#include "service/tinker/training_store.h"

#include <fmt/format.h>

#include "base/json.h"
#include "service/http/message.h"

namespace gradus::service {
namespace {

constexpr const char* kTrainingColumns =
    "SELECT id, project, session, number, base, rank, has_attention, has_mlp, metadata, created, "
    "last_request, done_seq, state_seq, state, closed, fault, alpha, has_head FROM "
    "training_models ";

TrainingModel training_model_of(const SqlRow& row) {
  TrainingModel model;
  model.id = row.text(0);
  model.project = row.text(1);
  model.session = row.text(2);
  model.number = row.integer(3);
  model.base = row.text(4);
  model.shape = {static_cast<int>(row.integer(5)), row.integer(6) != 0, row.integer(7) != 0,
                 row.integer(17) != 0, row.number(16)};
  if (!row.is_null(8)) model.metadata = nlohmann::json::parse(row.text(8));
  model.created = row.integer(9);
  model.last_request = row.integer(10);
  model.done_seq = row.integer(11);
  model.state_seq = row.integer(12);
  model.state = row.text(13);
  model.is_closed = !row.is_null(14);
  model.fault = row.text(15);
  return model;
}

/// Within a write. The bodies up to the state are needed no more.
void move_state(Database& database, const std::string& model, int64_t at,
                const std::string& folder) {
  database.change("UPDATE training_models SET state_seq=?, state=? WHERE id=?",
                  {at, folder, model});
  database.change("UPDATE promises SET body=NULL WHERE owner=? AND number<=? AND body IS NOT NULL",
                  {model, at});
}

void insert_training_model(Database& database, const TrainingModel& model, int64_t now) {
  database.change(
      "INSERT INTO training_models(id, project, session, number, base, rank, has_attention, "
      "has_mlp, has_head, alpha, metadata, created, last_request) "
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
      {model.id, model.project, model.session, model.number, model.base, int64_t{model.shape.rank},
       int64_t{model.shape.has_attention}, int64_t{model.shape.has_mlp},
       int64_t{model.shape.has_head}, model.shape.alpha,
       model.metadata.is_null() ? SqlValue() : SqlValue(dump_json(model.metadata)), now, now});
}

}  // namespace

Promise TrainingStore::create(const TrainingModel& model, const Promise& first,
                              int64_t max_models) {
  return store_.write([&](Database& database) -> Promise {
    if (auto earlier = find_numbered(database, first)) return *earlier;
    check_session_is_open(database, model.session, model.project);
    const auto open = database.first(
        "SELECT count(*) FROM training_models WHERE project=? AND closed IS NULL", {model.project});
    if (open->integer(0) >= max_models)
      throw HttpError(400,
                      fmt::format("{} training models are open, which is the most; unload one or "
                                  "end its session (serve.tinker.models).",
                                  open->integer(0)),
                      "too_many_models");
    insert_training_model(database, model, store_.now());
    insert_promise(database, first, store_.now());
    return first;
  });
}

std::optional<TrainingModel> TrainingStore::find_any(const std::string& id) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kTrainingColumns) + "WHERE id=?", {id});
  });
  if (!row) return std::nullopt;
  return training_model_of(*row);
}

std::optional<TrainingModel> TrainingStore::find(const std::string& id,
                                                 const std::string& project) const {
  auto model = find_any(id);
  if (model && model->project != project) return std::nullopt;
  return model;
}

TrainingStore::Page TrainingStore::list(const std::string& project, const ListWish& wish) const {
  return store_.read([&](Database& database) {
    Page page;
    page.total = database.first("SELECT count(*) FROM training_models WHERE project=?", {project})
                     ->integer(0);
    for (const auto& row : database.query(
             std::string(kTrainingColumns) + "WHERE project=? ORDER BY seq DESC LIMIT ? OFFSET ?",
             {project, wish.limit, wish.offset}))
      page.models.push_back(training_model_of(row));
    return page;
  });
}

Promise TrainingStore::accept(const Promise& promise, int64_t max_waiting) {
  return store_.write([&](Database& database) -> Promise {
    if (auto earlier = find_numbered(database, promise)) return *earlier;
    const auto model =
        database.first("SELECT closed, done_seq FROM training_models WHERE id=?", {promise.owner});
    if (!model->is_null(0))
      throw HttpError(400, "The model `" + promise.owner + "` was unloaded or its session is over.",
                      "model_closed", "model_id");
    if (promise.number && *promise.number <= model->integer(1))
      throw HttpError(400, fmt::format("The seq_id {} is past.", *promise.number), "number_in_use",
                      "seq_id");
    const auto waiting = database.first(
        "SELECT count(*) FROM promises WHERE state='waiting' AND owner=?", {promise.owner});
    if (waiting->integer(0) >= max_waiting) {
      HttpError error(429, "Too many requests of this model are waiting.", "rate_limit_exceeded");
      error.headers = {{"retry-after", "1"}};
      throw error;
    }
    insert_promise(database, promise, store_.now());
    database.change("UPDATE training_models SET last_request=? WHERE id=?",
                    {store_.now(), promise.owner});
    return promise;
  });
}

void TrainingStore::add_kept(const Promise& promise, const std::string& result) {
  store_.write([&](Database& database) {
    insert_promise(database, promise, store_.now());
    end_promise(database, promise.id, {result, false, "", ""}, store_.now());
  });
}

std::optional<Promise> TrainingStore::next(const std::string& model) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(promise_columns(true) +
                              "JOIN training_models m ON m.id=p.owner WHERE p.owner=? AND "
                              "p.number=m.done_seq+1",
                          {model});
  });
  if (!row) return std::nullopt;
  return promise_of(*row, true);
}

std::optional<int64_t> TrainingStore::missing(const std::string& model) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(
        "SELECT m.done_seq+1 FROM training_models m WHERE m.id=? AND NOT EXISTS(SELECT 1 FROM "
        "promises p WHERE p.owner=m.id AND p.number=m.done_seq+1)",
        {model});
  });
  if (!row) return std::nullopt;
  return row->integer(0);
}

std::vector<Promise> TrainingStore::done_since_state(const TrainingModel& model) const {
  const auto rows = store_.read([&](Database& database) {
    return database.query(
        promise_columns(true) + "WHERE p.owner=? AND p.number>? AND p.number<=? ORDER BY p.number",
        {model.id, model.state_seq, model.done_seq});
  });
  std::vector<Promise> promises;
  for (const auto& row : rows) promises.push_back(promise_of(row, true));
  return promises;
}

void TrainingStore::finish(const TrainingModel& model, const Promise& promise, const Done& done) {
  store_.write([&](Database& database) {
    if (done.effect) done.effect(database);
    if (promise.is_waiting()) end_promise(database, promise.id, done.end, store_.now());
    database.change("UPDATE training_models SET done_seq=? WHERE id=?",
                    {*promise.number, model.id});
    if (!done.new_state.empty()) move_state(database, model.id, *promise.number, done.new_state);
  });
}

void TrainingStore::put_state(const std::string& model, int64_t at, const std::string& folder) {
  store_.write([&](Database& database) { move_state(database, model, at, folder); });
}

void TrainingStore::note_fault(const std::string& model, const std::string& fault) {
  store_.write([&](Database& database) {
    database.change("UPDATE training_models SET fault=? WHERE id=?", {or_null(fault), model});
  });
}

bool TrainingStore::close(const std::string& model) {
  return store_.write([&](Database& database) {
    return database.change("UPDATE training_models SET closed=? WHERE id=? AND closed IS NULL",
                           {store_.now(), model}) > 0;
  });
}

std::vector<std::string> TrainingStore::release(const std::string& model) {
  return store_.write([&](Database& database) {
    std::vector<std::string> failed;
    for (const auto& row : database.query(
             "SELECT id FROM promises WHERE owner=? AND state='waiting' AND number IS NOT NULL",
             {model})) {
      failed.push_back(row.text(0));
      end_promise(database, failed.back(),
                  {"", false,
                   "the model was unloaded or its session ended before this request's "
                   "turn came",
                   "user"},
                  store_.now());
    }
    database.change("UPDATE promises SET body=NULL WHERE owner=? AND body IS NOT NULL", {model});
    database.change("UPDATE training_models SET released=1, state=NULL WHERE id=?", {model});
    return failed;
  });
}

std::vector<std::string> TrainingStore::to_do() const {
  const auto rows = store_.read([](Database& database) {
    return database.query(
        "SELECT id FROM training_models m WHERE (closed IS NOT NULL AND released=0) OR "
        "EXISTS(SELECT 1 FROM promises p WHERE p.owner=m.id AND p.state='waiting' AND "
        "p.number IS NOT NULL)");
  });
  std::vector<std::string> ids;
  for (const auto& row : rows) ids.push_back(row.text(0));
  return ids;
}

std::vector<std::string> TrainingStore::states() const {
  const auto rows = store_.read([](Database& database) {
    return database.query("SELECT state FROM training_models WHERE state IS NOT NULL");
  });
  std::vector<std::string> folders;
  for (const auto& row : rows) folders.push_back(row.text(0));
  return folders;
}

}  // namespace gradus::service
