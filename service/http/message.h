#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gradus::service {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// One request as it came over the wire, checked for form (http/head_check.h).
struct Request {
  std::string method;  ///< upper case
  std::string path;    ///< as sent, before the `?`; percent signs stand
  std::string query;   ///< behind the `?`, as sent
  HeaderList headers;  ///< names in lower case
  std::string body;    ///< empty where a BodySink took it
  std::string id;      ///< the server's own x-request-id
  std::string peer;    ///< address of the client

  /// The first header of that name (lower case); empty: none.
  std::string_view header(std::string_view name) const;
  /// The first value of the query's `name`, decoded; empty where it is absent.
  std::string query_value(std::string_view name) const;
  bool has_query(std::string_view name) const;
};

/// An answer that is known as a whole. `file` is sent instead of `body` where it is set.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HeaderList headers;
  std::string file;         ///< path of a file that is sent as it is
  int64_t file_begin = 0;   ///< first byte sent
  int64_t file_bytes = -1;  ///< bytes sent; -1: to the end
};

/// What ends a request with an error. Thrown by handlers, turned into OpenAI's error body.
class HttpError : public Error {
 public:
  HttpError(int status, std::string message, std::string code = {}, std::string param = {});
  int status = 400;
  std::string type;   ///< of the body: invalid_request_error, server_error, ...
  std::string code;   ///< empty: null
  std::string param;  ///< empty: null
  HeaderList headers;
};

/// {"error": {"message", "type", "param", "code"}, "detail"} with its status; detail is the
/// message, for clients that look there.
Response error_response(const HttpError& error);
/// The same of any exception: HttpErrors as they are, a full disk as 507, the rest as 500 without
/// what only the operator may know.
Response error_response(const std::exception& error);

/// "Not Found" of 404.
std::string_view reason_of(int status);

/// %41 as A; a percent sign that is not followed by two digits stands. @param plus  `+` is a blank.
std::string percent_decoded(std::string_view text, bool plus = false);
/// The fields of a query or a form, decoded, in order.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

}  // namespace gradus::service
