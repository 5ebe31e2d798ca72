#include "rewards/outbound/url.h"

#include <charconv>

#include "base/error.h"
#include "base/printable.h"

namespace gradus::rewards::outbound {
namespace {

constexpr size_t kMaxBytes = 4096;

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw ArgumentError("\"" + printable(text, 200) + "\" " + why);
}

bool is_host_character(char c, bool in_brackets) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         (in_brackets && c == ':');
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return result;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

Url Url::parse(std::string_view text) {
  if (text.size() > kMaxBytes) refuse(text, "is longer than 4096 bytes");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
      refuse(text, "has a blank, a control character or one that is not ASCII");
    }
  }
  Url url;
  const size_t colon = text.find("://");
  const std::string scheme = lower(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (scheme != "http" && scheme != "https")
    refuse(text, "does not begin with https:// or http://");
  url.is_tls = scheme == "https";
  const std::string_view rest = text.substr(colon + 3);
  const size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  url.target = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  if (url.target.front() == '?') url.target.insert(0, "/");
  if (url.target.find('#') != std::string::npos) refuse(text, "has a fragment");
  if (url.target.find('\\') != std::string::npos) refuse(text, "has a backslash");
  if (authority.find('@') != std::string_view::npos) refuse(text, "has a user name");
  const bool in_brackets = !authority.empty() && authority.front() == '[';
  const size_t host_end = in_brackets ? authority.find(']') : authority.find(':');
  if (in_brackets && host_end == std::string_view::npos) refuse(text, "has an open bracket");
  url.host = lower(authority.substr(in_brackets ? 1 : 0, host_end == std::string_view::npos
                                                             ? std::string_view::npos
                                                             : host_end - (in_brackets ? 1 : 0)));
  for (const char c : url.host) {
    if (!is_host_character(c, in_brackets)) refuse(text, "has a host that is none");
  }
  if (url.host.empty() || url.host.size() > 253) refuse(text, "has no host, or one too long");
  url.port = url.is_tls ? 443 : 80;
  const size_t port_at =
      host_end == std::string_view::npos ? authority.size() : host_end + (in_brackets ? 1 : 0);
  if (port_at < authority.size()) {
    const std::string_view port = authority.substr(port_at + 1);
    const auto result = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (authority[port_at] != ':' || result.ec != std::errc() || url.port == 0 ||
        result.ptr != port.data() + port.size()) {
      refuse(text, "has a port that is none");
    }
  }
  return url;
}

std::string Url::authority() const {
  return bracketed(host) + ":" + std::to_string(port);
}

std::string Url::host_header() const {
  return port == (is_tls ? 443 : 80) ? bracketed(host) : authority();
}

}  // namespace gradus::rewards::outbound
