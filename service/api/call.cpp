#include "service/api/call.h"

#include <fmt/format.h>

#include <charconv>

#include "base/clock.h"
#include "base/json.h"

namespace gradus::service {

#define GRADUS_RECORD(resource) extern const Resource resource;
#include "service/api/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const Resource* kResources[] = {
#define GRADUS_RECORD(resource) &resource,
#include "service/api/records.inc"
#undef GRADUS_RECORD
};

}  // namespace

std::span<const Resource* const> resources() {
  return kResources;
}

nlohmann::json Call::body() const {
  const std::string_view type = request().header("content-type");
  if (!type.empty() && type.find("json") == std::string_view::npos) {
    throw HttpError(415, "The body's Content-Type must be application/json.",
                    "unsupported_media_type");
  }
  nlohmann::json value;
  try {
    value = parse_json(request().body, "body");
  } catch (const FileError& error) {
    throw HttpError(
        400, fmt::format("We could not parse the JSON body of your request: {}", error.what()),
        "invalid_json");
  }
  if (!value.is_object()) throw HttpError(400, "The body must be a JSON object.", "invalid_type");
  return value;
}

void Call::answer(Response response) const {
  response.headers.emplace_back("openai-version", "2020-10-01");
  response.headers.emplace_back(
      "openai-processing-ms",
      std::to_string(static_cast<int64_t>((machine_clock().now_s() - begin_s) * 1000.0)));
  exchange->answer(std::move(response));
}

void Call::answer_json(const nlohmann::json& value, int status) const {
  answer(json_response(value, status));
}

Response json_response(const nlohmann::json& value, int status) {
  Response response;
  response.status = status;
  response.body = dump_json(value);
  return response;
}

PageWish read_page(const Request& request, int64_t default_limit, int64_t max_limit) {
  PageWish wish{request.query_value("after"), default_limit};
  const std::string limit = request.query_value("limit");
  if (limit.empty()) return wish;
  const auto read = std::from_chars(limit.data(), limit.data() + limit.size(), wish.limit);
  if (read.ec != std::errc() || read.ptr != limit.data() + limit.size() || wish.limit < 1 ||
      wish.limit > max_limit) {
    throw HttpError(400,
                    fmt::format("Invalid 'limit': must be an integer from 1 to {}.", max_limit),
                    "invalid_value", "limit");
  }
  return wish;
}

nlohmann::json page_json(nlohmann::json data, bool has_more) {
  const nlohmann::json first = data.empty() ? nlohmann::json() : data.front().at("id");
  const nlohmann::json last = data.empty() ? nlohmann::json() : data.back().at("id");
  return {{"object", "list"},
          {"data", std::move(data)},
          {"has_more", has_more},
          {"first_id", first},
          {"last_id", last}};
}

}  // namespace gradus::service
