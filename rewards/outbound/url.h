#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gradus::rewards::outbound {

/// An http or https address, taken apart.
struct Url {
  bool is_tls = true;
  std::string host;  // lower case; an IPv6 address without its brackets
  uint16_t port = 0;
  std::string target;  // path and query, at least "/"

  /// Scheme, host and port are all; user names, fragments, control characters and blanks are
  /// refused, as are hosts of other characters than letters, digits, `-`, `.`, and of IPv6.
  /// @throws gradus::ArgumentError  says what is wrong with the text.
  static Url parse(std::string_view text);

  /// "host:port", with brackets around an IPv6 address.
  std::string authority() const;

  /// The Host header: without the scheme's own port.
  std::string host_header() const;
};

}  // namespace gradus::rewards::outbound
