#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "service/http/exchange.h"
#include "service/store/keys.h"

namespace gradus::service {

struct ServiceParts;

/// One request with whose it is: what a route's handler is given.
struct Call {
  ServiceParts& parts;
  std::shared_ptr<Exchange> exchange;
  Key key;                                    ///< who asks
  std::map<std::string, std::string> places;  ///< of the route's {places}, decoded
  double begin_s = 0.0;

  const Request& request() const { return exchange->request(); }
  const std::string& project() const { return key.project; }
  const std::string& place(const std::string& name) const { return places.at(name); }

  /// The body as a JSON object. @throws HttpError  400: it is none.
  nlohmann::json body() const;
  /// As OpenAI's servers answer: with their headers.
  void answer(Response response) const;
  void answer_json(const nlohmann::json& value, int status = 200) const;
};

Response json_response(const nlohmann::json& value, int status = 200);

using Handler = void (*)(const std::shared_ptr<Call>&);

/// A handler of a function that gives the whole answer.
template <Response (*answer)(Call&)>
void answering(const std::shared_ptr<Call>& call) {
  call->answer(answer(*call));
}

/// bulk_json and protobuf carry training data and may be longer (serve.http.bulk_bytes).
enum class BodyKind { none, json, upload, bulk_json, protobuf };

/// A line of the route table, from which the scope check, /openapi.yaml and the tests are made.
struct Route {
  const char* method;
  const char* pattern;  ///< "/v1/files/{file_id}"; a place at the end with a star takes slashes
  Scope scope;
  const char* summary;
  Handler handler;
  BodyKind body = BodyKind::none;
  bool is_cheap = false;  ///< answered at once by the network's threads
};

/// The routes of one resource: `extern const` in its own file, and a line of records.inc.
struct Resource {
  const char* name;
  std::span<const Route> routes;
};

/// All of them, in order.
std::span<const Resource* const> resources();

/// Limits and offsets of a list. @throws HttpError  400 with param `limit`.
struct PageWish {
  std::string after;
  int64_t limit = 20;
};
PageWish read_page(const Request& request, int64_t default_limit, int64_t max_limit);

/// {"object": "list", "data", "has_more", "first_id", "last_id"}.
nlohmann::json page_json(nlohmann::json data, bool has_more);

}  // namespace gradus::service
