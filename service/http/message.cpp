#include "service/http/message.h"

#include <array>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace gradus::service {
namespace {

std::string error_type_of(int status) {
  if (status == 429) return "requests";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

nlohmann::json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

}  // namespace

HttpError::HttpError(int status_, std::string message, std::string code_, std::string param_)
    : Error(std::move(message)),
      status(status_),
      type(error_type_of(status_)),
      code(std::move(code_)),
      param(std::move(param_)) {}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::string Request::query_value(std::string_view name) const {
  for (auto& [key, value] : parse_query(query)) {
    if (key == name) return value;
  }
  return {};
}

bool Request::has_query(std::string_view name) const {
  for (const auto& [key, value] : parse_query(query)) {
    if (key == name) return true;
  }
  return false;
}

Response error_response(const HttpError& error) {
  Response response;
  response.status = error.status;
  response.headers = error.headers;
  response.body = dump_json({{"error",
                              {{"message", error.what()},
                               {"type", error.type},
                               {"param", text_or_null(error.param)},
                               {"code", text_or_null(error.code)}}},
                             {"detail", error.what()}});
  return response;
}

Response error_response(const std::exception& error) {
  if (const auto* known = dynamic_cast<const HttpError*>(&error)) return error_response(*known);
  if (const auto* file = dynamic_cast<const FileError*>(&error); file != nullptr) {
    if (file->kind() == "disk_full") {
      return error_response(HttpError(507, "The server's disk is full.", "insufficient_storage"));
    }
  }
  return error_response(HttpError(500, "The server had an error while processing your request."));
}

std::string_view reason_of(int status) {
  static constexpr std::pair<int, std::string_view> kReasons[] = {
      {100, "Continue"},
      {200, "OK"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  };
  for (const auto& [number, reason] : kReasons) {
    if (number == status) return reason;
  }
  return "Unknown";
}

std::string percent_decoded(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(plus && text[i] == '+' ? ' ' : text[i]);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const size_t equals = std::min(part.find('='), part.size());
    const auto value = equals < part.size() ? part.substr(equals + 1) : std::string_view();
    fields.emplace_back(percent_decoded(part.substr(0, equals), true),
                        percent_decoded(value, true));
  }
  return fields;
}

}  // namespace gradus::service
