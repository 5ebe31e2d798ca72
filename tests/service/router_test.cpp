#include "service/api/router.h"

#include <set>
#include <string>

#include "tests/catch.h"

using namespace gradus::service;

TEST_CASE("places take segments, and names with slashes at the end", "[service][api]") {
  const auto file = match_pattern("/v1/files/{file_id}/content", "/v1/files/file-x/content");
  REQUIRE(file);
  CHECK(file->at("file_id") == "file-x");
  CHECK_FALSE(match_pattern("/v1/files/{file_id}/content", "/v1/files/file-x"));
  CHECK_FALSE(match_pattern("/v1/files/{file_id}", "/v1/files//"));
  CHECK(match_pattern("/v1/models/{model*}", "/v1/models/org%2Fname:x")->at("model") ==
        "org/name:x");
  CHECK(match_pattern("/v1/models/{model*}", "/v1/models/org/name")->at("model") == "org/name");
}

TEST_CASE("every route is found under its own pattern and asks for a scope", "[service][api]") {
  std::set<std::string> seen;
  const std::set<std::string> open{"/health",
                                   "/v1/health",
                                   "/ready",
                                   "/openapi.yaml",
                                   "/api/v1/healthz",
                                   "/api/v1/external_files/{checkpoint}/{file}",
                                   "/",
                                   "/page/{file}",
                                   "/api/gradus/v1/session"};
  for (const Resource* resource : resources()) {
    for (const Route& route : resource->routes) {
      INFO(route.method << " " << route.pattern);
      CHECK(seen.insert(std::string(route.method) + route.pattern).second);
      CHECK(match_route(route.method, route.pattern).route == &route);
      CHECK((route.scope == Scope::open) == open.contains(route.pattern));
      // It stands in YAML as it is.
      CHECK(std::string_view(route.summary).find_first_of(":#\"{}[]&*") == std::string_view::npos);
      std::string pattern = route.pattern;
      std::erase(pattern, '*');
      CHECK(openapi_yaml().find("  " + pattern + ":\n") != std::string::npos);
    }
  }
  CHECK(seen.size() > 25);
}

TEST_CASE("a path of other methods names them", "[service][api]") {
  const auto match = match_route("PATCH", "/v1/models");
  CHECK(match.route == nullptr);
  CHECK(match.allowed == std::vector<std::string>{"GET"});
  CHECK(match_route("GET", "/nowhere").allowed.empty());
  CHECK(match_route("HEAD", "/health").route != nullptr);
}
