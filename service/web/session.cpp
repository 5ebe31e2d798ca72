// /api/gradus/v1/session: logging in on the page with a key.
#include <fmt/format.h>

#include "service/api/call.h"
#include "service/api/gate.h"
#include "service/api/page_session.h"
#include "service/api/parts.h"
#include "service/http/fields.h"

namespace gradus::service {
namespace {

nlohmann::json session_json(const Call& call, const std::optional<Key>& key) {
  nlohmann::json json{{"is_open", call.parts.is_open}, {"key", nullptr}};
  if (key) {
    json["key"] = {
        {"id", key->id}, {"name", key->name}, {"project", key->project}, {"scopes", key->scopes}};
  }
  return json;
}

/// An empty token takes the cookie back.
Response with_cookie(const Call& call, Response response, const std::string& token) {
  std::string cookie = fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}",
                                   kSessionCookie, token, token.empty() ? 0 : LoginStore::kLifeS);
  if (!call.parts.config.tls.certificate.empty()) cookie += "; Secure";
  response.headers.emplace_back("set-cookie", cookie);
  response.headers.emplace_back("cache-control", "no-store");
  return response;
}

Response get_session(Call& call) {
  const auto key = call.parts.is_open ? std::optional(key_of_everyone())
                                      : key_of_session(call.request(), call.parts.logins);
  Response response = json_response(session_json(call, key));
  response.headers.emplace_back("cache-control", "no-store");
  return response;
}

void need_page_header(const Call& call) {
  if (call.request().header("x-gradus-page") == "1") return;
  throw HttpError(403, "Logging in and out is for the page: the header x-gradus-page is missing.",
                  "csrf_header_missing");
}

Response log_in(Call& call) {
  need_page_header(call);
  const auto body = call.body();
  Fields fields(body, "");
  const std::string text = fields.text("key", 256);
  fields.finish();
  if (call.parts.is_open) return json_response(session_json(call, key_of_everyone()));
  const auto key = call.parts.keys.find(text);
  if (!key) throw HttpError(401, "This key does not exist or has ended.", "invalid_api_key", "key");
  return with_cookie(call, json_response(session_json(call, key)), call.parts.logins.open(*key));
}

Response log_out(Call& call) {
  need_page_header(call);
  call.parts.logins.close(cookie_value(call.request(), kSessionCookie));
  return with_cookie(call, json_response(session_json(call, std::nullopt)), "");
}

constexpr Route kSessionRoutes[] = {
    {"GET", "/api/gradus/v1/session", Scope::open, "who has logged in on the page",
     answering<get_session>},
    {"POST", "/api/gradus/v1/session", Scope::open, "log in on the page with a key",
     answering<log_in>, BodyKind::json},
    {"DELETE", "/api/gradus/v1/session", Scope::open, "log out", answering<log_out>},
};

}  // namespace

extern const Resource kSessionResource{"session", kSessionRoutes};

}  // namespace gradus::service
