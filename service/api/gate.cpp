#include "service/api/gate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/clock.h"
#include "service/api/openai/upload_sink.h"
#include "service/api/page_session.h"
#include "service/api/router.h"
#include "service/store/files.h"

namespace gradus::service {
namespace {

std::string host_without_port(std::string_view host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket))
    host = host.substr(0, colon);
  std::string lower(host);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

HttpError unauthorized(const std::string& message, const std::string& code) {
  HttpError error(401, message, code);
  error.headers = {{"www-authenticate", "Bearer error=\"invalid_token\""}};
  return error;
}

}  // namespace

Key key_of_everyone() {
  Key everyone;
  everyone.id = "open";
  everyone.name = "open";
  everyone.project = "default";
  everyone.scopes = {name_of(Scope::admin)};
  return everyone;
}

std::string key_text(const Request& request) {
  const std::string_view bearer = request.header("authorization");
  if (bearer.size() > 7 && host_without_port(bearer.substr(0, 7)) == "bearer ")
    return std::string(bearer.substr(7));
  return std::string(request.header("x-api-key"));
}

/// A page of somewhere else can make a browser ask under a name that leads here; the name tells.
void Gate::check_host(const Request& request) const {
  const std::string_view sent = request.header("host");
  if (sent.empty()) return;
  const std::string host = host_without_port(sent);
  const auto is_allowed = [&](const auto& names) {
    return std::ranges::find(names, host) != names.end();
  };
  static const std::vector<std::string> kOwn{"localhost", "[::1]"};
  if (is_allowed(rules_.allowed_hosts) || is_allowed(kOwn) || host.starts_with("127.")) return;
  if (!rules_.is_loopback && rules_.allowed_hosts.empty()) return;
  throw HttpError(421, "This server does not go by that name; see serve.allowed_hosts.",
                  "host_not_allowed");
}

/// No other site's page may ask: there is no CORS here.
void Gate::check_origin(const Request& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || request.method == "GET" || request.method == "HEAD") return;
  const size_t slashes = origin.find("://");
  const auto host = slashes == std::string_view::npos ? origin : origin.substr(slashes + 3);
  if (host == request.header("host")) return;
  throw HttpError(403, "Requests of other sites' pages are refused.", "origin_not_allowed");
}

Key Gate::key_of(const Request& request) const {
  if (rules_.is_open) return key_of_everyone();
  const std::string text = key_text(request);
  if (text.empty()) {
    if (auto key = key_of_session(request, parts_.logins)) return *key;
  }
  if (text.empty()) {
    throw unauthorized(
        "You didn't provide an API key. Send it in an Authorization header: Bearer YOUR_KEY.", "");
  }
  auto key = parts_.keys.find(text);
  if (!key) {
    const std::string shown = text.size() > 12 ? text.substr(0, 4) + "***" : "***";
    throw unauthorized("Incorrect API key provided: " + shown + ".", "invalid_api_key");
  }
  return *key;
}

RequestPlan Gate::plan(const Request& request) const {
  check_host(request);
  check_origin(request);
  const RouteMatch match = match_route(request.method, request.path);
  Key key;
  if (match.route == nullptr || match.route->scope != Scope::open) key = key_of(request);
  if (match.route == nullptr) {
    if (match.allowed.empty())
      throw HttpError(404, fmt::format("Unknown request URL: {} {}.", request.method, request.path),
                      "unknown_url");
    HttpError error(405, fmt::format("Not allowed to {} on {}.", request.method, request.path),
                    "method_not_supported");
    error.headers = {{"allow", fmt::format("{}", fmt::join(match.allowed, ", "))}};
    throw error;
  }
  const Route& route = *match.route;
  if (!key.may(route.scope)) {
    throw HttpError(403,
                    fmt::format("You have insufficient permissions for this operation. Missing "
                                "scope: {}.",
                                name_of(route.scope)),
                    "permission_denied");
  }
  RequestPlan plan;
  plan.route = route.pattern;
  plan.is_cheap = route.is_cheap;
  plan.max_body_bytes = parts_.config.http.body_bytes;
  if (route.body == BodyKind::bulk_json || route.body == BodyKind::protobuf)
    plan.max_body_bytes = std::max(plan.max_body_bytes, parts_.config.http.bulk_bytes);
  if (route.body == BodyKind::upload) {
    plan.max_body_bytes = parts_.config.http.upload_bytes + (1 << 20);
    plan.sink =
        std::make_unique<UploadSink>(request.header("content-type"), parts_.files.new_upload());
  }
  plan.handle = [&parts = parts_, &route, key,
                 places = match.places](const std::shared_ptr<Exchange>& exchange) {
    const auto call =
        std::make_shared<Call>(Call{parts, exchange, key, places, machine_clock().now_s()});
    try {
      route.handler(call);
    } catch (const std::exception& error) {  // the edge of a request
      call->answer(error_response(error));
    }
  };
  return plan;
}

}  // namespace gradus::service
