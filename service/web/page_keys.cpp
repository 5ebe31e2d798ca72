// /api/gradus/v1/keys: the project's keys, for administrators.
#include <algorithm>

#include "service/api/call.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/store/keys.h"

namespace gradus::service {
namespace {

nlohmann::json key_json(const Key& key) {
  const auto time = [](int64_t seconds) {
    return seconds > 0 ? nlohmann::json(seconds) : nlohmann::json();
  };
  return {{"id", key.id},
          {"name", key.name},
          {"project", key.project},
          {"begins", key.hint},
          {"scopes", key.scopes},
          {"created", key.created},
          {"expires", time(key.expires)},
          {"last_used", time(key.last_used)},
          {"revoked", key.revoked > 0}};
}

Response list_keys(Call& call) {
  auto data = nlohmann::json::array();
  for (const auto& key : call.parts.keys.list())
    if (key.project == call.project()) data.push_back(key_json(key));
  return json_response({{"data", std::move(data)}});
}

Response make_key(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  NewKey wanted;
  wanted.name = fields.text("name", 200);
  if (wanted.name.empty()) refuse_field("name", "must have 1 to 200 characters");
  wanted.project = call.project();
  if (const auto* scopes = fields.find("scopes")) {
    if (!scopes->is_array()) refuse_field_type("scopes", "an array of strings", *scopes);
    for (const auto& scope : *scopes) {
      if (!scope.is_string() || !scope_named(scope.get<std::string>()))
        refuse_field("scopes", "must be infer, files, jobs, metrics or admin");
      wanted.scopes.push_back(scope);
    }
  }
  if (const auto days = fields.number("days", 0.0, 36500.0); days && *days > 0.0)
    wanted.expires = call.parts.store.now() + static_cast<int64_t>(*days * 86400.0);
  fields.finish();
  const auto made = call.parts.keys.add(wanted);
  Response response = json_response({{"id", made.id}, {"key", made.key}});
  response.headers.emplace_back("cache-control", "no-store");
  return response;
}

Response revoke_key(Call& call) {
  const std::string& id = call.place("key_id");
  const auto keys = call.parts.keys.list();
  const bool is_ours = std::ranges::any_of(
      keys, [&](const Key& key) { return key.id == id && key.project == call.project(); });
  if (!is_ours || !call.parts.keys.revoke(id))
    throw HttpError(404, "There is no such key: " + id, "key_not_found", "key_id");
  return json_response({{"id", id}, {"revoked", true}});
}

constexpr Route kPageKeyRoutes[] = {
    {"GET", "/api/gradus/v1/keys", Scope::admin, "the project's keys", answering<list_keys>},
    {"POST", "/api/gradus/v1/keys", Scope::admin, "make a key; it is shown once",
     answering<make_key>, BodyKind::json},
    {"DELETE", "/api/gradus/v1/keys/{key_id}", Scope::admin, "revoke a key", answering<revoke_key>},
};

}  // namespace

extern const Resource kPageKeysResource{"keys", kPageKeyRoutes};

}  // namespace gradus::service
