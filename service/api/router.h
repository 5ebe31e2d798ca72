#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/api/call.h"

namespace gradus::service {

struct RouteMatch {
  const Route* route = nullptr;
  std::map<std::string, std::string> places;
  std::vector<std::string> allowed;  ///< methods of the path, where the method is none of them
};

/// The route of a request. Segments are compared as they were sent and decoded afterwards, so that
/// an escaped slash is part of a name. HEAD goes where GET does.
/// @param path  as sent, without the query.
RouteMatch match_route(std::string_view method, std::string_view path);

/// The places of a pattern that a path fills, or nothing where it is another path.
std::optional<std::map<std::string, std::string>> match_pattern(std::string_view pattern,
                                                                std::string_view path);

/// The route table as OpenAPI 3.1, in YAML.
std::string openapi_yaml();

}  // namespace gradus::service
