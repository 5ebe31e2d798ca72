#include "service/api/router.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/version.h"

namespace gradus::service {
namespace {

std::string_view next_segment(std::string_view& rest) {
  if (!rest.empty() && rest.front() == '/') rest.remove_prefix(1);
  const size_t end = std::min(rest.find('/'), rest.size());
  const auto segment = rest.substr(0, end);
  rest.remove_prefix(end);
  return segment;
}

bool is_place(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::string operation_text(const Route& route) {
  std::string text = fmt::format("    {}:\n      summary: {}\n", route.method,
                                 dump_json(route.summary));  // a text may hold a colon
  std::ranges::transform(text.substr(4, std::string_view(route.method).size()), text.begin() + 4,
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  text += fmt::format("      x-scope: {}\n", name_of(route.scope));
  if (route.scope == Scope::open) text += "      security: []\n";
  std::string places;
  for (std::string_view rest = route.pattern; !rest.empty();) {
    const auto segment = next_segment(rest);
    if (!is_place(segment)) continue;
    const auto name =
        segment.substr(1, segment.size() - (segment[segment.size() - 2] == '*' ? 3 : 2));
    places += fmt::format(
        "        - {{name: {}, in: path, required: true, schema: {{type: string}}}}\n", name);
  }
  if (!places.empty()) text += "      parameters:\n" + places;
  if (route.body == BodyKind::json || route.body == BodyKind::bulk_json) {
    text +=
        "      requestBody: {required: true, content: {application/json: {schema: {type: object}}}}"
        "\n";
  } else if (route.body == BodyKind::upload) {
    text +=
        "      requestBody: {required: true, content: {multipart/form-data: {schema: {type: "
        "object}}}}\n";
  }
  if (route.body == BodyKind::protobuf)
    text +=
        "      requestBody: {required: true, content: {application/x-protobuf: {schema: {type: "
        "string, format: binary}}}}\n";
  text +=
      "      responses:\n        2XX: {description: done}\n"
      "        4XX: {$ref: '#/components/responses/Error'}\n"
      "        5XX: {$ref: '#/components/responses/Error'}\n";
  return text;
}

}  // namespace

std::optional<std::map<std::string, std::string>> match_pattern(std::string_view pattern,
                                                                std::string_view path) {
  std::map<std::string, std::string> places;
  while (!pattern.empty()) {
    if (path.empty()) return std::nullopt;
    const auto wanted = next_segment(pattern);
    if (is_place(wanted) && wanted[wanted.size() - 2] == '*') {
      path.remove_prefix(1);
      if (path.empty()) return std::nullopt;
      places.emplace(wanted.substr(1, wanted.size() - 3), percent_decoded(path));
      return places;
    }
    const auto given = next_segment(path);
    if (is_place(wanted)) {
      if (given.empty()) return std::nullopt;
      places.emplace(wanted.substr(1, wanted.size() - 2), percent_decoded(given));
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!path.empty()) return std::nullopt;
  return places;
}

RouteMatch match_route(std::string_view method, std::string_view path) {
  RouteMatch match;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Resource* resource : resources()) {
    for (const Route& route : resource->routes) {
      auto places = match_pattern(route.pattern, path);
      if (!places) continue;
      if (wanted == route.method) return {&route, std::move(*places), {}};
      match.allowed.emplace_back(route.method);
    }
  }
  return match;
}

std::string openapi_yaml() {
  std::map<std::string, std::string> paths;
  for (const Resource* resource : resources()) {
    for (const Route& route : resource->routes) {
      std::string pattern = route.pattern;
      std::erase(pattern, '*');
      paths[pattern] += operation_text(route);
    }
  }
  std::string text = fmt::format(
      "openapi: 3.1.0\ninfo: {{title: Gradus, version: '{}'}}\n"
      "security: [{{key: []}}]\npaths:\n",
      kVersion);
  for (const auto& [pattern, operations] : paths) text += "  " + pattern + ":\n" + operations;
  text +=
      "components:\n  securitySchemes:\n    key: {type: http, scheme: bearer}\n  responses:\n"
      "    Error:\n      description: what went wrong\n      content:\n        application/json:\n"
      "          schema:\n            type: object\n            required: [error]\n"
      "            properties:\n              error:\n                type: object\n"
      "                required: [message, type, param, code]\n";
  return text;
}

}  // namespace gradus::service
