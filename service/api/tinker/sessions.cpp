// Sessions: made, kept alive by heartbeats, finished, listed.
#include "service/api/tinker/tinker_call.h"

namespace gradus::service {
namespace {

constexpr size_t kMostTags = 64;

Response create_session(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  Session session;
  session.project = call.project();
  if (const auto* tags = fields.find("tags")) {
    if (!tags->is_array()) refuse_field_type("tags", "an array of strings", *tags);
    if (tags->size() > kMostTags) refuse_field("tags", "too many");
    for (const auto& tag : *tags)
      if (!tag.is_string()) refuse_field_type("tags", "an array of strings", tag);
    session.tags = *tags;
  }
  session.metadata = read_user_metadata(fields);
  session.display_name = fields.optional_text("display_name", 512).value_or("");
  session.client_project = fields.optional_text("project_id", 512).value_or("");
  fields.pass_over({"sdk_version", "type"});
  fields.finish();
  const std::string idempotency(call.request().header("x-idempotency-key"));
  const auto made = call.parts.tinker.sessions().create(session, idempotency.substr(0, 256));
  return json_response({{"type", "create_session"}, {"session_id", made.id}});
}

Response heartbeat(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  const std::string id = fields.text("session_id", 256);
  if (!call.parts.tinker.sessions().beat(id, call.project()))
    throw HttpError(410, "The session `" + id + "` is over, or there was none.", "session_over",
                    "session_id");
  return json_response({{"type", "session_heartbeat"}});
}

Response finish_session(Call& call) {
  const Session session = session_of_call(call, call.place("session"));
  const auto body = call.body();
  Fields fields(body, "");
  Fields reason(fields.need("reason"), "reason");
  const auto type = reason.choice("type", {"success", "errored", "interrupted"});
  const auto detail = fields.optional_text("detail", 1 << 16).value_or("");
  call.parts.tinker.finish_session(session.id, type.value_or("success"), detail.substr(0, 4096));
  return json_response({{"type", "finish_session"}, {"session_id", session.id}});
}

nlohmann::json session_json(const Call& call, const Session& session) {
  return {{"session_id", session.id},
          {"training_run_ids", call.parts.tinker.sessions().model_ids(session.id)},
          {"sampler_ids", call.parts.tinker.sessions().sampler_ids(session.id)},
          {"user_metadata", metadata_texts(session.metadata)},
          {"display_name", text_or_nothing(session.display_name)},
          {"project_id", text_or_nothing(session.client_project)},
          {"tags", session.tags},
          {"created_at", time_text(session.created)},
          {"status", session.finished > 0 ? session.reason : "active"}};
}

Response get_session(Call& call) {
  return json_response(session_json(call, session_of_call(call, call.place("session"))));
}

Response list_sessions(Call& call) {
  const ListWish wish = read_list(call.request());
  const auto page = call.parts.tinker.sessions().list(call.project(), wish);
  return json_response({{"sessions", page.ids}, {"cursor", cursor_json(wish, page.total)}});
}

Response label_session(Call& call) {
  const Session session = session_of_call(call, call.place("session"));
  const auto body = call.body();
  Fields fields(body, "");
  call.parts.tinker.sessions().label(session.id,
                                     fields.optional_text("project_id", 512).value_or(""));
  return json_response(nlohmann::json::object());
}

constexpr Route kTinkerSessionRoutes[] = {
    {"POST", "/api/v1/create_session", Scope::infer, "begin a session", answering<create_session>,
     BodyKind::json},
    {"POST", "/api/v1/session_heartbeat", Scope::infer, "keep a session alive",
     answering<heartbeat>, BodyKind::json},
    {"GET", "/api/v1/sessions", Scope::infer, "list sessions", answering<list_sessions>},
    {"GET", "/api/v1/sessions/{session}", Scope::infer, "a session with its models and samplers",
     answering<get_session>},
    {"POST", "/api/v1/sessions/{session}/finish", Scope::infer, "end a session",
     answering<finish_session>, BodyKind::json},
    {"PUT", "/api/v1/sessions/{session}/project", Scope::infer, "label a session",
     answering<label_session>, BodyKind::json},
};

}  // namespace

extern const Resource kTinkerSessionsResource{"tinker sessions", kTinkerSessionRoutes};

}  // namespace gradus::service
