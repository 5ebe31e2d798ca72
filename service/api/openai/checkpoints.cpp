// Checkpoints of a job, and which other projects may use them.
#include "service/api/call.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/jobs/job_store.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

nlohmann::json checkpoint_json(const JobCheckpoint& checkpoint) {
  return {{"id", checkpoint.id},
          {"object", "fine_tuning.job.checkpoint"},
          {"created_at", checkpoint.created},
          {"fine_tuned_model_checkpoint", checkpoint.model},
          {"step_number", checkpoint.step},
          {"fine_tuning_job_id", checkpoint.job},
          {"metrics", checkpoint.metrics}};
}

Response list_checkpoints(Call& call) {
  const std::string& id = call.place("job_id");
  const auto job = call.parts.job_store.find(id, call.project());
  if (!job)
    throw HttpError(404, "Could not find fine tune: " + id, "fine_tune_not_found", "fine_tune_id");
  const PageWish wish = read_page(call.request(), 10, 100);
  const auto page = call.parts.job_store.checkpoints(id, wish.after, wish.limit);
  if (!page.knows_after) refuse_field("after", "no checkpoint of this id");
  auto data = nlohmann::json::array();
  for (const auto& checkpoint : page.items) data.push_back(checkpoint_json(checkpoint));
  return json_response(page_json(std::move(data), page.has_more));
}

/// The checkpoint of the call, where its job is the caller's.
JobCheckpoint checkpoint_of_call(Call& call) {
  const std::string& name = call.place("checkpoint");
  const auto checkpoint = call.parts.job_store.find_checkpoint(name);
  if (checkpoint && call.parts.job_store.find(checkpoint->job, call.project())) return *checkpoint;
  throw HttpError(404, "Could not find checkpoint: " + name, "checkpoint_not_found",
                  "fine_tuned_model_checkpoint");
}

nlohmann::json permission_json(const SqlRow& row) {
  return {{"object", "checkpoint.permission"},
          {"id", row.text(0)},
          {"created_at", row.integer(1)},
          {"project_id", row.text(2)}};
}

Response create_permissions(Call& call) {
  const JobCheckpoint checkpoint = checkpoint_of_call(call);
  const auto body = call.body();
  Fields fields(body, "");
  const auto& projects = fields.need("project_ids");
  fields.finish();
  if (!projects.is_array() || projects.empty() || projects.size() > 100)
    refuse_field_type("project_ids", "an array of 1 to 100 strings", projects);
  for (const auto& project : projects)
    if (!project.is_string()) refuse_field_type("project_ids", "an array of strings", project);
  Store& store = call.parts.store;
  const int64_t now = store.now();
  store.write([&](Database& database) {
    for (const auto& project : projects) {
      database.change(
          "INSERT OR IGNORE INTO permissions(id, model, project, created) VALUES(?,?,?,?)",
          {random_id("cp_"), checkpoint.model, project.get<std::string>(), now});
    }
  });
  auto data = nlohmann::json::array();
  store.read([&](Database& database) {
    for (const auto& project : projects) {
      const auto row =
          database.first("SELECT id, created, project FROM permissions WHERE model=? AND project=?",
                         {checkpoint.model, project.get<std::string>()});
      if (row) data.push_back(permission_json(*row));
    }
  });
  return json_response(page_json(std::move(data), false));
}

Response list_permissions(Call& call) {
  const JobCheckpoint checkpoint = checkpoint_of_call(call);
  const PageWish wish = read_page(call.request(), 10, 100);
  const std::string order = call.request().query_value("order");
  const std::string project = call.request().query_value("project_id");
  const bool oldest_first = order == "ascending";
  auto data = nlohmann::json::array();
  call.parts.store.read([&](Database& database) {
    int64_t place = oldest_first ? 0 : INT64_MAX;
    if (!wish.after.empty()) {
      const auto row = database.first("SELECT seq FROM permissions WHERE id=?", {wish.after});
      if (!row) refuse_field("after", "no permission of this id");
      place = row->integer(0);
    }
    for (const auto& row : database.query(
             std::string("SELECT id, created, project FROM permissions WHERE model=? AND (?='' OR "
                         "project=?) AND ") +
                 (oldest_first ? "seq>? ORDER BY seq" : "seq<? ORDER BY seq DESC") + " LIMIT ?",
             {checkpoint.model, project, project, place, wish.limit + 1}))
      data.push_back(permission_json(row));
  });
  const bool has_more = std::ssize(data) > wish.limit;
  if (has_more) data.erase(data.size() - 1);
  return json_response(page_json(std::move(data), has_more));
}

Response delete_permission(Call& call) {
  const JobCheckpoint checkpoint = checkpoint_of_call(call);
  const std::string& id = call.place("permission_id");
  const bool was_there = call.parts.store.write([&](Database& database) {
    return database.change("DELETE FROM permissions WHERE id=? AND model=?",
                           {id, checkpoint.model}) > 0;
  });
  if (!was_there) throw HttpError(404, "Could not find permission: " + id, "", "permission_id");
  return json_response({{"id", id}, {"object", "checkpoint.permission"}, {"deleted", true}});
}

constexpr const char* kPermissions = "/v1/fine_tuning/checkpoints/{checkpoint}/permissions";

constexpr Route kCheckpointRoutes[] = {
    {"GET", "/v1/fine_tuning/jobs/{job_id}/checkpoints", Scope::jobs, "a job's checkpoints",
     answering<list_checkpoints>},
    {"POST", kPermissions, Scope::admin, "let projects use a checkpoint",
     answering<create_permissions>, BodyKind::json},
    {"GET", kPermissions, Scope::admin, "who may use a checkpoint", answering<list_permissions>},
    {"DELETE", "/v1/fine_tuning/checkpoints/{checkpoint}/permissions/{permission_id}", Scope::admin,
     "take a permission back", answering<delete_permission>},
};

}  // namespace

extern const Resource kCheckpointsResource{"checkpoints", kCheckpointRoutes};

}  // namespace gradus::service
