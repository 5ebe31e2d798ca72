#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "service/http/message.h"

namespace gradus::service {

/// How the body behind a request's head is delimited.
struct BodyFraming {
  bool is_chunked = false;
  int64_t length = 0;  ///< where not chunked
};

struct CheckedHead {
  Request request;  ///< method, path, query, headers
  BodyFraming framing;
  bool is_http_1_0 = false;
  bool wants_close = false;  ///< Connection: close, or HTTP/1.0 without keep-alive
  bool expects_continue = false;
};

/// Reads a request's head, from the request line to the empty line, strictly (RFC 9112): whatever
/// two programs on the way could read in two ways is refused. That is: line ends other than CRLF,
/// NUL and other control bytes, continued lines, blanks before a colon or in a name, no Host or
/// two, an authority that is none, Content-Length twice, with a sign or a list, or together with
/// Transfer-Encoding, Transfer-Encoding other than exactly `chunked` or in HTTP/1.0, targets that
/// are neither a path nor `*`, escapes of NUL and of slashes in dots' places.
///
/// @param head  with the empty line at its end.
/// @throws HttpError  400, 417, 501 or 505; the connection is of no further use.
CheckedHead check_head(std::string_view head);

/// Whether a path holds a `..` segment, also escaped.
bool has_dot_segments(std::string_view path);

}  // namespace gradus::service
